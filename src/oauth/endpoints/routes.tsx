/** @jsxImportSource hono/jsx */
// Which URL leads to which endpoint, and the one place where a refusal becomes an answer:
// a page where a person looks, OAuth's JSON everywhere else (RFC 6749 §5.2).
import { Hono } from "hono";
import type { Log } from "../../log.ts";
import type { Authorize } from "./authorize.tsx";
import { answerError, answerJson } from "./json-response.ts";
import { describeFailure, type Failure, Refusal, refuse, toWire } from "../failure.ts";
import type { Later } from "../../store/store.ts";
import { createMetadataRoutes, type MetadataOptions } from "./metadata.ts";
import type { AnswerPage } from "./page-response.ts";
import { displayUrl } from "../pages/display.ts";
import { ErrorPage } from "../pages/error-page.tsx";
import { printable } from "../../printable.ts";

type Endpoint = (request: Request) => Promise<Response>;

export interface RoutesOptions extends MetadataOptions {
  log: Log;
  answerPage: AnswerPage;
  authorize: Authorize;
  token: Endpoint;
  register: Endpoint;
  revoke: Endpoint;
  introspect: Endpoint;
  /** Called after an endpoint that can revoke; the answer waits for it. Never fails. */
  afterAnswer(): Later<void>;
}

export function createOAuthRoutes(options: RoutesOptions): Hono {
  return new Hono()
    .route("/", createMetadataRoutes(options))
    .route("/", createPageRoutes(options))
    .route("/", createJsonRoutes(options));
}

function createJsonRoutes({ log, afterAnswer, ...options }: RoutesOptions): Hono {
  const routes = new Hono();
  const { token, register, revoke, introspect } = options;
  const endpoints = { "/token": token, "/register": register, "/revoke": revoke, "/introspect": introspect };
  for (const [path, endpoint] of Object.entries(endpoints)) {
    routes.post(path, async (c) => {
      try {
        return await endpoint(c.req.raw);
      } finally {
        await afterAnswer();
      }
    });
    routes.all(path, () => refuse({ kind: "not-a-post" }));
  }
  routes.onError((thrown, c) => {
    if (thrown instanceof Refusal) {
      log.debug(`${printable(c.req.path)} refused: ${describeFailure(thrown.failure)}`);
      return answerError(toWire(thrown.failure));
    }
    log.error(`${printable(c.req.path)} failed: ${thrown.stack ?? thrown.message}`);
    return answerJson({ error: "server_error", error_description: "Something went wrong here." }, 500);
  });
  return routes;
}

function createPageRoutes({ log, authorize, answerPage }: RoutesOptions): Hono {
  const routes = new Hono();
  routes.get("/authorize", (c) => authorize.show(c.req.raw));
  routes.post("/authorize", (c) => authorize.decide(c.req.raw));
  routes.all("/authorize", () => new Response(null, { status: 405, headers: { Allow: "GET, POST" } }));
  routes.onError((thrown, c) => {
    if (thrown instanceof Refusal) {
      log.debug(`${printable(c.req.path)} refused: ${describeFailure(thrown.failure)}`);
      const { status, headers } = toWire(thrown.failure);
      const page = describeRefusal(thrown.failure);
      return KEEPS_STATUS.has(thrown.failure.kind)
        ? answerPage(page, status, headers)
        : answerPage(page, 400);
    }
    log.error(`${printable(c.req.path)} failed: ${thrown.stack ?? thrown.message}`);
    return answerPage(
      <ErrorPage heading="Something went wrong" explanation="The terminal says what." advice="" />,
      500,
    );
  });
  return routes;
}

/** Refusals that are not the request's fault; of all others a page says 400, whatever their JSON would. */
const KEEPS_STATUS = new Set<Failure["kind"]>(["too-slow", "store-failed"]);
const START_AGAIN = "Go back to the app, remove this connection there and add it again.";

function describeRefusal(failure: Failure) {
  const heading = "This connection cannot be made";
  switch (failure.kind) {
    case "unknown-client":
      return (
        <ErrorPage
          heading={heading}
          explanation="The app that sent you here is not known to this server (client_id is missing or unknown)."
          advice={START_AGAIN}
        />
      );
    case "no-document":
    case "bad-document":
      return (
        <ErrorPage
          heading={heading}
          explanation={`The app says who it is at ${displayUrl(failure.url)}, and that ${failure.kind === "no-document" ? "cannot be fetched" : "cannot be accepted"}.`}
          advice="Try again in a minute. The terminal says more when mcp-expose runs with --verbose."
        />
      );
    case "wrong-redirect":
      return (
        <ErrorPage
          heading={heading}
          explanation="The address the answer should go to is not one the app has registered (redirect_uri)."
          advice={`${START_AGAIN} If you set the app up with --client-id, allow the address with --allow-redirect.`}
        />
      );
    case "kept-back": {
      const { error, description } = toWire(failure);
      return (
        <ErrorPage
          heading={heading}
          explanation={`The app's request is not one that this server can answer: ${description}`}
          advice={`Nothing was sent to ${failure.destination}, since no approval has gone there before. ${START_AGAIN} Its makers will want to know the error: ${error}.`}
        />
      );
    }
    case "store-failed":
      return (
        <ErrorPage
          heading="This server cannot reach what it has stored"
          explanation="Nothing was decided."
          advice="Reload this page in a few seconds. The terminal says what is wrong."
        />
      );
    default:
      return <ErrorPage heading={heading} explanation={toWire(failure).description} advice={START_AGAIN} />;
  }
}

/** @jsxImportSource hono/jsx */
// Which URL leads to which endpoint, and the one place where a refusal becomes an answer:
// a page where a person looks, OAuth's JSON everywhere else (RFC 6749 §5.2).
import { Hono } from "hono";
import type { Log } from "../../log.ts";
import { RETURN_PATH } from "./approval.ts";
import type { Authorize } from "./authorize.tsx";
import { createLandingPage, isBrowserNavigation } from "./browser-landing.tsx";
import { answerError, answerJson } from "../wire/json-response.ts";
import { formatFailure, type Failure, Refusal, refuse, toWire } from "../failure.ts";
import type { Later } from "../../store/store.ts";
import { createMetadataRoutes, type MetadataOptions } from "./metadata.ts";
import type { RespondWithPage } from "../pages/page-response.ts";
import { displayUrl } from "../pages/display.ts";
import { ErrorPage } from "../pages/error-page.tsx";
import { printable } from "../../printable.ts";

type OAuthEndpoint = (request: Request) => Promise<Response>;

export interface RoutesOptions extends MetadataOptions {
  log: Log;
  respondWithPage: RespondWithPage;
  authorize: Authorize;
  token: OAuthEndpoint;
  register: OAuthEndpoint;
  revoke: OAuthEndpoint;
  introspect: OAuthEndpoint;
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
      log.debug(`${printable(c.req.path)} refused: ${formatFailure(thrown.failure)}`);
      return answerError(toWire(thrown.failure));
    }
    log.error(`${printable(c.req.path)} failed: ${thrown.stack ?? thrown.message}`);
    return answerJson({ error: "server_error", error_description: "Something went wrong here." }, 500);
  });
  return routes;
}

function createPageRoutes({ log, authorize, respondWithPage, ...options }: RoutesOptions): Hono {
  const routes = new Hono();
  const createPage = createLandingPage(options);
  // A client that looks here for a document needs the 404.
  routes.get("/", (c, next) =>
    isBrowserNavigation(c.req.raw) ? Promise.resolve(respondWithPage(createPage(), 200)) : next(),
  );
  routes.get(RETURN_PATH, (c) => authorize.resume(c.req.raw));
  routes.get("/authorize", (c) => authorize.show(c.req.raw));
  routes.post("/authorize", (c) => authorize.decide(c.req.raw));
  routes.all("/authorize", () => new Response(null, { status: 405, headers: { Allow: "GET, POST" } }));
  routes.onError((thrown, c) => {
    if (thrown instanceof Refusal) {
      log.debug(`${printable(c.req.path)} refused: ${formatFailure(thrown.failure)}`);
      const { status, headers } = toWire(thrown.failure);
      const page = describeRefusal(thrown.failure);
      return KEEPS_STATUS.has(thrown.failure.kind)
        ? respondWithPage(page, status, headers)
        : respondWithPage(page, 400);
    }
    log.error(`${printable(c.req.path)} failed: ${thrown.stack ?? thrown.message}`);
    return respondWithPage(
      <ErrorPage heading="Something went wrong" explanation="The terminal shows the error." advice="" />,
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
          explanation="This server does not know the app that sent you here (client_id is missing or unknown)."
          advice={START_AGAIN}
        />
      );
    case "no-document":
    case "bad-document":
      return (
        <ErrorPage
          heading={heading}
          explanation={`The app describes itself at ${displayUrl(failure.url)}, and that document ${failure.kind === "no-document" ? "cannot be fetched" : "cannot be accepted"}.`}
          advice="Try again in a minute. With --verbose, mcp-expose shows the reason in the terminal."
        />
      );
    case "wrong-redirect":
      return (
        <ErrorPage
          heading={heading}
          explanation="The app has not registered the address that the answer would go to (redirect_uri)."
          advice={`${START_AGAIN} If you set the app up with --client-id, allow the address with --allow-redirect.`}
        />
      );
    case "no-pending-sign-in":
      return (
        <ErrorPage
          heading={heading}
          explanation={toWire(failure).description}
          advice="Go back to the app and connect again."
        />
      );
    case "kept-back": {
      const { error, description } = toWire(failure);
      return (
        <ErrorPage
          heading={heading}
          explanation={`This server cannot answer the app's request: ${description}`}
          advice={`Nothing was sent to ${failure.destination}, since no approved answer has gone there before. ${START_AGAIN} If that does not help, report the error to the app's developers: ${error}.`}
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

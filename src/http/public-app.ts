// Which path is answered by what on the public side, and the guards that every request passes first.
// Any other path is a 404 in JSON: clients parse what they get as an error document.
import { Hono } from "hono";
import { cors } from "hono/cors";
import type { RequestGuards } from "./request-guards.ts";

/** Sees every request to the public side; can neither change nor slow what it sees. */
export interface ExchangeObserver {
  began(request: Request, path: string): void;
  /** The response has been handed over; a stream goes on. */
  answered(request: Request, status: number): void;
}

/** Answers requests to one of the MCP paths; what a caller may do is decided inside. */
export type Resource = (request: Request) => Response | Promise<Response>;

export interface PublicAppOptions {
  guards: RequestGuards;
  /** MCP paths and their handlers. */
  resources: ReadonlyMap<string, Resource>;
  /** The authorization server's routes; absent when no token is needed. */
  oauth: Hono | undefined;
  /** Answers a request that may come from anyone, within the share of such requests. */
  lend(request: Request, answer: () => Response | Promise<Response>): Response | Promise<Response>;
  observer: ExchangeObserver;
  onFault(thrown: Error, path: string): void;
}

/** Answers every request to the public side. Never rejects. */
export function createPublicApp(options: PublicAppOptions): (request: Request) => Promise<Response> {
  const { guards, resources, lend, observer, onFault } = options;
  const routes = createRoutes(options);

  // The MCP paths are hot: a table and a few comparisons cost a fifth of what passing a router and its layers does.
  async function answerResource(request: Request, path: string, resource: Resource): Promise<Response> {
    if (!guards.allowsOrigin(request.headers.get("origin")))
      return shareResponse(
        forbidden(
          "This origin may not call here. The person who runs this server can allow it with --allow-origin.",
        ),
      );
    try {
      return shareResponse(await resource(request));
    } catch (thrown) {
      return shareResponse(fail(thrown as Error, path, onFault));
    }
  }

  function answer(request: Request, path: string): Response | Promise<Response> {
    if (!guards.allowsHost(request.headers.get("host")))
      return forbidden("This host name is not served here.");
    const resource = resources.get(path);
    return resource === undefined || request.method === "OPTIONS"
      ? lend(request, () => routes.fetch(request))
      : answerResource(request, path, resource);
  }

  return async (request) => {
    const path = pathOf(request.url);
    observer.began(request, path);
    const response = await answer(request, path);
    observer.answered(request, response.status);
    return response;
  };
}

/** For pages that are not ours. Whether a page may call at all is decided by its origin, before. */
const SHARED = {
  origin: "*",
  allowMethods: ["GET", "POST", "DELETE", "OPTIONS"],
  exposeHeaders: ["WWW-Authenticate", "Mcp-Session-Id", "MCP-Protocol-Version", "Retry-After"],
  maxAge: 7200,
};
const EXPOSED = SHARED.exposeHeaders.join(",");

/** Lets pages that are not ours read a response. */
function shareResponse(response: Response): Response {
  const { headers } = response;
  headers.set("access-control-allow-origin", SHARED.origin);
  headers.set("access-control-expose-headers", EXPOSED);
  return response;
}

/** Everything but calls to the MCP paths. */
function createRoutes({ oauth, onFault }: PublicAppOptions): Hono {
  const app = new Hono();
  // A person approves on a page of ours, and no other page may send that request (OAuth 2.1 §3.1).
  const share = cors(SHARED);
  app.use((c, next) => (c.req.path.startsWith("/authorize") ? next() : share(c, next)));
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  if (oauth !== undefined) app.route("/", oauth);
  app.notFound((c) =>
    c.json({ error: "not_found", error_description: `There is nothing at ${c.req.path}.` }, 404),
  );
  app.onError((thrown, c) => fail(thrown, c.req.path, onFault));
  return app;
}

function forbidden(description: string): Response {
  return answerJson(403, { error: "forbidden", error_description: description });
}

function fail(thrown: Error, path: string, onFault: PublicAppOptions["onFault"]): Response {
  onFault(thrown, path);
  return answerJson(500, { error: "server_error", error_description: "Something went wrong here." });
}

function answerJson(status: number, body: object): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
}

/** The path of an absolute http URL, as it was written. */
function pathOf(url: string): string {
  const start = url.indexOf("/", "https://".length);
  const end = url.indexOf("?", start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

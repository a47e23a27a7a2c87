// What is mounted where on the public side, and what every request passes first.
// Everything not named here is a 404 in JSON: clients parse what they get as an error document.
import { Hono } from "hono";
import { cors } from "hono/cors";
import type { RequestGuards } from "./request-guards.ts";

/** What was learned of a request while it was answered. */
export interface Note {
  rpc?: string;
  name?: string;
  client?: string;
}

export interface Exchange extends Note {
  method: string;
  path: string;
  status: number;
  /** Milliseconds until the answer began. */
  ms: number;
}

/** Answers requests to one of the MCP paths; who may do what is decided inside. */
export type Resource = (request: Request, note: Note) => Response | Promise<Response>;

export interface PublicAppOptions {
  guards: RequestGuards;
  /** MCP paths and what answers there. */
  resources: ReadonlyMap<string, Resource>;
  /** The authorization server's routes; absent when everybody may enter. */
  oauth: Hono | undefined;
  /** Answers somebody who may be anybody, in a place for such. */
  lend(request: Request, answer: () => Response | Promise<Response>): Response | Promise<Response>;
  now(): number;
  onExchange(exchange: Exchange): void;
  onFault(thrown: Error, path: string): void;
}

/** Answers every request to the public side. Never rejects. */
export function createPublicApp(options: PublicAppOptions): (request: Request) => Promise<Response> {
  const { guards, resources, lend, now, onExchange, onFault } = options;
  const routes = createRoutes(options);

  async function call(resource: Resource, request: Request, path: string, note: Note) {
    try {
      return await resource(request, note);
    } catch (thrown) {
      return fail(thrown as Error, path, onFault);
    }
  }

  // The MCP paths are hot: a table and a few comparisons cost a fifth of what passing a router and its layers does.
  async function answerResource(request: Request, path: string, resource: Resource, note: Note) {
    const response = guards.allowsOrigin(request.headers.get("origin"))
      ? await call(resource, request, path, note)
      : refuse("This origin may not call here. Whoever runs the server can allow it with --allow-origin.");
    response.headers.set("access-control-allow-origin", SHARED.origin);
    response.headers.set("access-control-expose-headers", EXPOSED);
    return response;
  }

  function answer(request: Request, path: string, note: Note): Response | Promise<Response> {
    if (!guards.allowsHost(request.headers.get("host"))) return refuse("This host name is not served here.");
    const resource = resources.get(path);
    return resource === undefined || request.method === "OPTIONS"
      ? lend(request, () => routes.fetch(request))
      : answerResource(request, path, resource, note);
  }

  return async (request) => {
    const started = now();
    const path = pathOf(request.url);
    const note: Note = {};
    const response = await answer(request, path, note);
    onExchange({ method: request.method, path, status: response.status, ms: now() - started, ...note });
    return response;
  };
}

/** What pages may do that are not ours. Who may call at all is decided by origin, before. */
const SHARED = {
  origin: "*",
  allowMethods: ["GET", "POST", "DELETE", "OPTIONS"],
  exposeHeaders: ["WWW-Authenticate", "Mcp-Session-Id", "MCP-Protocol-Version", "Retry-After"],
  maxAge: 7200,
};
const EXPOSED = SHARED.exposeHeaders.join(",");

/** Everything but calls to the MCP paths. */
function createRoutes({ oauth, onFault }: PublicAppOptions): Hono {
  const app = new Hono();
  // A person approves in a page of ours, so nothing but that page may ask (OAuth 2.1 §3.1).
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

function refuse(description: string): Response {
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

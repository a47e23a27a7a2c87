// What is mounted where on the public side, and what every request passes first.
// Everything not named here is a 404 in JSON: clients parse what they get as an error document.
import { Hono } from "hono";
import { cors } from "hono/cors";
import type { Guards } from "./guards.ts";

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
  guards: Guards;
  /** MCP paths and what answers there. */
  resources: ReadonlyMap<string, Resource>;
  /** The authorization server's routes; absent when everybody may enter. */
  oauth: Hono | undefined;
  now(): number;
  onExchange(exchange: Exchange): void;
  onFault(thrown: Error, path: string): void;
}

export function createPublicApp({
  guards,
  resources,
  oauth,
  now,
  onExchange,
  onFault,
}: PublicAppOptions): Hono {
  const app = new Hono();
  const notes = new WeakMap<Request, Note>();

  app.use(async (c, next) => {
    const started = now();
    await next();
    const { method, path } = c.req;
    onExchange({ method, path, status: c.res.status, ms: now() - started, ...notes.get(c.req.raw) });
  });

  app.use((c, next) => {
    if (guards.allowsHost(c.req.header("host") ?? null)) return next();
    return Promise.resolve(
      c.json({ error: "forbidden", error_description: "This host name is not served here." }, 403),
    );
  });

  // A person approves in a page of ours, so nothing but that page may ask (OAuth 2.1 §3.1).
  const share = cors({
    origin: "*",
    allowMethods: ["GET", "POST", "DELETE", "OPTIONS"],
    exposeHeaders: ["WWW-Authenticate", "Mcp-Session-Id"],
    maxAge: 7200,
  });
  app.use((c, next) => (c.req.path === "/authorize" ? next() : share(c, next)));

  for (const [path, resource] of resources) {
    app.all(path, (c) => {
      const request = c.req.raw;
      if (!guards.allowsOrigin(request.headers.get("origin"))) {
        const hint = "Whoever runs the server can allow it with --allow-origin.";
        return c.json(
          { error: "forbidden", error_description: `This origin may not call here. ${hint}` },
          403,
        );
      }
      const note: Note = {};
      notes.set(request, note);
      return resource(request, note);
    });
  }

  app.get("/healthz", (c) => c.json({ status: "ok" }));
  if (oauth !== undefined) app.route("/", oauth);
  app.notFound((c) =>
    c.json({ error: "not_found", error_description: `There is nothing at ${c.req.path}.` }, 404),
  );
  app.onError((thrown, c) => {
    onFault(thrown, c.req.path);
    return c.json({ error: "server_error", error_description: "Something went wrong here." }, 500);
  });
  return app;
}

// Routes for this machine alone, on a loopback port of their own.
import { Hono } from "hono";
import { isLoopback } from "../loopback.ts";

/** @param answers whether the wrapped server answers now */
export function createPrivateApp(isAlive: () => Promise<boolean>): Hono {
  const app = new Hono();
  app.use((c, next) => {
    const { hostname } = new URL(`http://${c.req.header("host") ?? ""}`);
    return isLoopback(hostname) ? next() : Promise.resolve(c.json({ error: "forbidden" }, 403));
  });
  app.get("/readyz", async (c) => {
    const ready = await isAlive();
    return c.json({ status: ready ? "ready" : "the server does not answer" }, ready ? 200 : 503);
  });
  app.notFound((c) => c.json({ error: "not_found" }, 404));
  return app;
}

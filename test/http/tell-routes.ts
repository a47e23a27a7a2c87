// Preloaded into the running program: prints to stderr each path that any of its parts serves.
import { SmartRouter } from "hono/router/smart-router";

const tell = (method: string, path: string) => void process.stderr.write(`route ${method} ${path}\n`);

const { add } = SmartRouter.prototype;
SmartRouter.prototype.add = function (this: SmartRouter<unknown>, ...route: Parameters<typeof add>) {
  tell(route[0], route[1]);
  return add.apply(this, route);
};

// The MCP paths stand in a table of their own; it is printed when the first path is looked up in it.
const { get } = Map.prototype;
const told = new WeakSet<Map<unknown, unknown>>();
function lookUp(this: Map<unknown, unknown>, key: unknown): unknown {
  if (typeof key === "string" && key.startsWith("/") && !told.has(this)) {
    told.add(this);
    for (const [path, value] of this) {
      if (typeof path === "string" && typeof value === "function") tell("ALL", path);
    }
  }
  return get.call(this, key);
}
Object.assign(Map.prototype, { get: lookUp });

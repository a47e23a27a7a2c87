// Methods that revision 2026-07-28 has no longer. They must not reach a server that would still obey, be it because it
// speaks older revisions too.
// https://modelcontextprotocol.io/specification/2026-07-28/changelog
import { composeError } from "../frame/compose.ts";
import type { Message } from "../frame/message.ts";
import { ErrorCode } from "../mcp/error-code.ts";
import type { Responder } from "./bridge.ts";

const REMOVED: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
  "tasks/list",
  "tasks/result",
]);

/** Answers a request of such a method with an error; false for every other. */
export function refuseRemoved({ id, method }: Message, responder: Responder): boolean {
  if (!REMOVED.has(method)) return false;
  const code = ErrorCode.methodNotFound;
  responder.respond(composeError(id, code, `${method} is not a method of this revision.`), code);
  return true;
}

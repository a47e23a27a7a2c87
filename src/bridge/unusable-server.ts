// Stands in for the server while no process of it can be used: every request is answered with the reason.
import { composeError, composeResult } from "../frame/compose.ts";
import type { Message } from "../frame/message.ts";
import { ErrorCode } from "../mcp/error-code.ts";
import type { ClaimedServer, Responder, ToolCatalog } from "./bridge.ts";

export const NO_TOOLS: ToolCatalog = {
  /** Never the same: nobody has fetched anything of it. */
  get edition() {
    return { isAnnounced: false };
  },
  find: () => Promise.resolve(undefined),
  paramHeadersOf: () => Promise.resolve([]),
};

/** Answers a request with a reason. That of a tool is a result, which the model reads and the person sees. */
export function respondUnusable({ id, method }: Message, responder: Responder, reason: string): void {
  if (method === "tools/call") responder.respond(composeResult(id, composeToolError(reason)));
  else responder.respond(composeError(id, ErrorCode.internal, reason), ErrorCode.internal);
}

/** `resultType` is of revision 2026-07-28; older clients pass it over. */
function composeToolError(text: string) {
  return { content: [{ type: "text", text }], isError: true, resultType: "complete" };
}

export function createUnusableServer(reason: string): ClaimedServer {
  return {
    call(request, _envelope, responder) {
      respondUnusable(request, responder, reason);
      return () => {};
    },
    unread() {},
    tools: NO_TOOLS,
    release() {},
  };
}

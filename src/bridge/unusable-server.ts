// Stands in for the server while no process of it can be used: every request is answered with the reason.
import { composeError } from "../frame/compose.ts";
import { ErrorCode } from "../mcp/error-code.ts";
import type { ClaimedServer, ClientSide, Conversation, ToolCatalog } from "./bridge.ts";

const NO_TOOLS: ToolCatalog = {
  find: () => Promise.resolve(undefined),
  paramHeadersOf: () => Promise.resolve([]),
};

/** A conversation that is over with its first request, which is `initialize`. */
export function createUnusableConversation(client: ClientSide, reason: string): Conversation {
  return {
    pending: 0,
    tools: NO_TOOLS,
    call({ id }, responder) {
      responder.respond(composeError(id, ErrorCode.internal, reason), ErrorCode.internal);
      client.closed();
    },
    send() {},
    cancel() {},
    unread() {},
    close: client.closed,
  };
}

export function createUnusableServer(reason: string): ClaimedServer {
  return {
    call({ id }, _envelope, responder) {
      responder.respond(composeError(id, ErrorCode.internal, reason), ErrorCode.internal);
      return () => {};
    },
    unread() {},
    tools: NO_TOOLS,
    release() {},
  };
}

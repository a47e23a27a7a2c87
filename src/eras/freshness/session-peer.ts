// The client of a session, of either dialect that has them.
import type { LastingConversation, Responder } from "../../bridge/bridge.ts";
import { canonical } from "../../bridge/envelope.ts";
import { rawParam, type Message } from "../../frame/message.ts";
import type { Caller } from "../caller.ts";
import type { ToolAccess } from "../tool-access.ts";
import type { Freshness } from "./freshness.ts";
import { composeListChanged } from "./announcements.ts";
import { composeListRequest, nameView, type Peer } from "./peer.ts";

/** The lists of a session as they are followed. */
export interface SessionLists {
  /** Where the answer to a request goes. */
  follow(request: Message, caller: Caller, responder: Responder): Responder;
  /** The client has opened a stream. */
  listens(): void;
  /** The session has ended. */
  close(): void;
}

export interface SessionPeerOptions {
  caller: Caller;
  /** As the client sent it. */
  initialize: Message;
  conversation: LastingConversation;
  toolAccess: ToolAccess;
  /** Sends a message that belongs to no call; absent where no stream reaches the client. */
  send: ((message: Uint8Array) => void) | undefined;
  isConnected(): boolean;
}

export function followSession(freshness: Freshness, options: SessionPeerOptions): SessionLists {
  const { conversation } = options;
  const peer = createSessionPeer(options);
  freshness.join(peer);
  return {
    follow(request, caller, responder) {
      peer.caller = caller;
      if (freshness.passes(request.method, caller, peer.clientInfo, conversation.tools)) return responder;
      return freshness.follow(request, peer, responder);
    },
    listens: () => freshness.listens(peer),
    close: () => freshness.leave(peer),
  };
}

function createSessionPeer(options: SessionPeerOptions): Peer & { caller: Caller } {
  const { initialize, conversation, toolAccess, send, isConnected } = options;
  let asked = 0;
  const peer: Peer & { caller: Caller } = {
    caller: options.caller,
    clientInfo: rawParam(initialize, "clientInfo"),
    view: viewOf(initialize),
    get tools() {
      return conversation.tools;
    },
    get joinedOn() {
      return conversation.joinedOn;
    },
    get isAttached() {
      return conversation.isAttached;
    },
    isConnected,
    attach: conversation.attach,
    ask(method, cursor) {
      const request = composeListRequest(`"mcp-expose-${++asked}"`, method, cursor);
      const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
      const responder: Responder = {
        isOurs: true,
        notify: (message) => send?.(message),
        respond: (answer, code) => resolve(code === undefined ? answer : undefined),
        cancelled: () => resolve(undefined),
      };
      conversation.call(request, toolAccess.screen(request, peer.caller, responder));
      return { answer: promise, cancel: () => conversation.cancel(request.id) };
    },
    ...(send && { tell: (notification: string) => send(composeListChanged(notification)) }),
  };
  return peer;
}

function viewOf(initialize: Message): string {
  const version = rawParam(initialize, "protocolVersion") ?? "";
  return nameView(version + canonical(JSON.parse(rawParam(initialize, "capabilities") ?? "{}")));
}

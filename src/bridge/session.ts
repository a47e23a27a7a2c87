// What every session of a client is made of, whatever its server speaks: the ids the client has in
// use, and its calls.
import { composeError } from "../frame/compose.ts";
import { ErrorCode } from "../mcp/error-code.ts";
import { findMember, rawParam, type Message } from "../frame/message.ts";
import { splice } from "../frame/splice.ts";
import type { ClientSide, Conversation, Responder, ToolCatalog } from "./bridge.ts";
import { lostReason, type PendingCall, type Waiter } from "./process/call-table.ts";
import type { Multiplexer } from "./process/multiplexer.ts";

export interface Session {
  readonly client: ClientSide;
  /** The client's ids in use. */
  readonly open: Map<string, OpenCall>;
  /** The least severe log level the client wants; `undefined` when it has not said. */
  logLevel: string | undefined;
  /** URIs of resources the client wants to hear of. */
  readonly resources: Set<string>;
  isClosed: boolean;
}

export interface OpenCall {
  readonly responder: Responder;
  /** Absent while the call has not reached the server. */
  call?: PendingCall<SessionWaiter>;
}

/** A waiter that knows whose it is. */
export interface SessionWaiter extends Waiter {
  readonly session: Session;
  readonly responder: Responder;
}

export function createSession(client: ClientSide): Session {
  return { client, open: new Map(), logLevel: undefined, resources: new Set(), isClosed: false };
}

/** What a pair of eras does with what a client says. */
export interface SessionRules {
  /** Deals with one request; `done` writes the answer and frees the id. */
  call(request: Message, done: Done, responder: Responder): void;
  /** A notification other than `notifications/cancelled`, or an answer. */
  tell(message: Message): void;
  /** The session has ended; its calls have been cancelled. */
  ended(): void;
  readonly tools: ToolCatalog;
}

export type Done = (answer: Uint8Array, code?: number) => void;

/** The client's side of a session: ids in use, cancelling, the end; the rest is up to `rules`. */
export function createConversation(
  session: Session,
  host: Pick<Multiplexer<SessionWaiter>, "cancel" | "forget" | "send" | "unread">,
  rules: SessionRules,
  used: () => void,
): Conversation {
  const { open } = session;

  const cancel = (notification: Message) => {
    const at = findMember(notification, notification.paramsAt, "requestId");
    const id = rawParam(notification, "requestId") ?? "";
    const opened = open.get(id);
    if (at === undefined || opened === undefined) return;
    open.delete(id);
    if (opened.call !== undefined) {
      host.forget(opened.call);
      host.send(splice(notification.bytes, [{ at, text: String(opened.call.number) }]));
    }
    opened.responder.cancelled();
  };

  return {
    get pending() {
      return open.size;
    },
    tools: rules.tools,
    call(request, responder) {
      used();
      // All that is kept of a call while it is under way: the request itself may be large.
      const { id } = request;
      if (open.has(id)) {
        const reason = `The id ${id} belongs to a call that has not been answered yet.`;
        return responder.respond(
          composeError(id, ErrorCode.invalidRequest, reason),
          ErrorCode.invalidRequest,
        );
      }
      const opened: OpenCall = { responder };
      open.set(id, opened);
      const done: Done = (answer, code) => {
        if (open.get(id) !== opened) return;
        open.delete(id);
        responder.respond(answer, code);
      };
      rules.call(request, done, responder);
    },
    send(message) {
      used();
      if (message.method === "notifications/cancelled") cancel(message);
      else rules.tell(message);
    },
    cancel(id) {
      const opened = open.get(id);
      if (opened === undefined) return;
      open.delete(id);
      if (opened.call !== undefined) host.cancel(opened.call);
      opened.responder.cancelled();
    },
    unread: host.unread,
    close() {
      if (session.isClosed) return;
      session.isClosed = true;
      for (const [id, { call, responder }] of open) {
        if (call !== undefined) host.cancel(call);
        const reason = "The session has ended before the MCP server answered.";
        responder.respond(composeError(id, ErrorCode.internal, reason), ErrorCode.internal);
      }
      open.clear();
      rules.ended();
      session.client.closed();
    },
  };
}

/** Hands a call to the server and waits for it; an answer that is only passed on goes to `pass`. */
export function startCall(
  host: Multiplexer<SessionWaiter>,
  session: Session,
  request: Message,
  responder: Responder,
  { onResponse, onRawResponse }: Pick<Waiter, "onResponse" | "onRawResponse">,
  edits: Parameters<Multiplexer<SessionWaiter>["start"]>[2] = [],
): void {
  const { id } = request;
  const opened = session.open.get(id);
  const waiter: SessionWaiter = {
    session,
    responder,
    onResponse,
    onRawResponse,
    onProgress: responder.notify,
    onLost(how) {
      if (session.open.get(id) !== opened) return;
      session.open.delete(id);
      const reason = lostReason(how);
      responder.respond(composeError(id, ErrorCode.internal, reason), ErrorCode.internal);
    },
  };
  const call = host.start(request, waiter, edits);
  if (opened !== undefined) opened.call = call;
}

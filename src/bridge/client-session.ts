// A session of a client, for servers of both kinds: the ids that the client has in use, cancelling, the end.
import { composeError } from "../frame/compose.ts";
import { findMember, rawParam, type Message } from "../frame/message.ts";
import { splice, type Edit } from "../frame/splice.ts";
import { ErrorCode } from "../mcp/error-code.ts";
import type { ClientSide, Conversation, Responder } from "./bridge.ts";
import { lostReason, type PendingCall, type Waiter } from "./process/call-table.ts";
import type { Multiplexer } from "./process/multiplexer.ts";
import { respondUnusable } from "./unusable-server.ts";
import type { ProcessToolCatalog } from "./tool-catalog.ts";

export interface ClientSession {
  readonly client: ClientSide;
  /** Calls that have not been answered, by the client's id. */
  readonly open: Map<string, SessionCall>;
  /** The least severe log level the client wants; `undefined` when it has not said. */
  logLevel: string | undefined;
  /** URIs of the resources that the client has subscribed to. */
  readonly resources: Set<string>;
  isClosed: boolean;
}

/** A request of a session's client that has not been answered. The message is not kept: it may be large. */
export interface SessionCall<S extends ClientSession = ClientSession> {
  readonly session: S;
  /** The client's, as JSON text. */
  readonly id: string;
  readonly responder: Responder;
  /** The call at the server; absent before it is made. */
  sent: PendingCall<SessionWaiter> | undefined;
}

/** Waits at the server for a session's call. */
export interface SessionWaiter<S extends ClientSession = ClientSession> extends Waiter {
  readonly call: SessionCall<S>;
}

/** How a pair handles what the client of a session says. */
export interface SessionRules<S extends ClientSession> {
  readonly tools: ProcessToolCatalog;
  /** The client has said something. */
  used(session: S): void;
  /** Handles a request, which is answered with `respondTo`. */
  call(request: Message, call: SessionCall<S>): void;
  /** A notification other than `notifications/cancelled`, or an answer. */
  receive(message: Message, session: S): void;
  /** Takes back what clients are asked. @param reason a sentence */
  cancelRequests(reason: string): void;
  /** The session has ended; its calls have been cancelled. */
  ended(session: S): void;
}

type CallsAtServer = Pick<
  Multiplexer<SessionWaiter>,
  "cancel" | "findProblem" | "forget" | "send" | "unread"
>;

export function createClientSession(client: ClientSide): ClientSession {
  return { client, open: new Map(), logLevel: undefined, resources: new Set(), isClosed: false };
}

/** Answers a call and frees its id; a call that has been cancelled or answered is left alone. */
export function respondTo(call: SessionCall, answer: Uint8Array, code?: number): void {
  const { open } = call.session;
  if (open.get(call.id) !== call) return;
  open.delete(call.id);
  call.responder.respond(answer, code);
}

export function respondWithError(call: SessionCall, code: number, reason: string): void {
  respondTo(call, composeError(call.id, code, reason), code);
}

/** Makes a session's call at the server. */
export function sendCall<W extends SessionWaiter>(
  multiplexer: Pick<Multiplexer<W>, "start">,
  request: Message,
  waiter: W,
  edits?: readonly Edit[],
): void {
  waiter.call.sent = multiplexer.start(request, waiter, edits);
}

/** `Waiter.onProgress` of a session's call. */
export function notifyProgress(notification: Uint8Array, { call }: SessionWaiter): void {
  call.responder.notify(notification);
}

/** `Waiter.onLost` of a session's call. */
export function respondLost(how: string, { call }: Pick<SessionWaiter, "call">): void {
  respondWithError(call, ErrorCode.internal, lostReason(how));
}

export function createConversation<S extends ClientSession>(
  session: S,
  multiplexer: CallsAtServer,
  rules: SessionRules<S>,
): Conversation {
  const { open } = session;
  return {
    get pending() {
      return open.size;
    },
    call(request, responder) {
      const call: SessionCall<S> = { session, id: request.id, responder, sent: undefined };
      if (session.isClosed) return refuseCall(call, ErrorCode.internal, SESSION_ENDED);
      rules.used(session);
      if (open.has(call.id)) return refuseDuplicate(call);
      const problem = multiplexer.findProblem();
      if (problem !== undefined) return respondUnusable(request, responder, problem);
      open.set(call.id, call);
      rules.call(request, call);
    },
    send(message) {
      if (session.isClosed) return;
      rules.used(session);
      if (message.method === "notifications/cancelled") passCancellation(message, session, multiplexer);
      else rules.receive(message, session);
    },
    cancel(id) {
      const call = open.get(id);
      if (call === undefined) return;
      open.delete(id);
      if (call.sent !== undefined) multiplexer.cancel(call.sent);
      call.responder.cancelled();
    },
    tools: rules.tools,
    unread: multiplexer.unread,
    close() {
      if (session.isClosed) return;
      session.isClosed = true;
      failCalls(session, multiplexer, SESSION_ENDED);
      rules.ended(session);
      session.client.closed();
    },
  };
}

/** Answers all calls of a session, and cancels them at the server. */
export function failCalls(
  { open }: ClientSession,
  multiplexer: Pick<CallsAtServer, "cancel">,
  reason: string,
): void {
  for (const call of open.values()) {
    if (call.sent !== undefined) multiplexer.cancel(call.sent);
    respondWithError(call, ErrorCode.internal, reason);
  }
}

/** A session may end while it is found out whether its client may make a call. */
const SESSION_ENDED = "The session has ended before the MCP server answered.";

function refuseDuplicate(call: SessionCall): void {
  const reason = `The id ${call.id} belongs to a call that has not been answered yet.`;
  refuseCall(call, ErrorCode.invalidRequest, reason);
}

/** Answers a call that has not begun. */
function refuseCall({ id, responder }: SessionCall, code: number, reason: string): void {
  responder.respond(composeError(id, code, reason), code);
}

/** Hands on a client's `notifications/cancelled` as it is, but for the id. */
function passCancellation(
  notification: Message,
  { open }: ClientSession,
  multiplexer: Pick<CallsAtServer, "forget" | "send">,
): void {
  const at = findMember(notification, notification.paramsAt, "requestId");
  const call = open.get(rawParam(notification, "requestId") ?? "");
  if (at === undefined || call === undefined) return;
  open.delete(call.id);
  if (call.sent !== undefined) {
    multiplexer.forget(call.sent);
    multiplexer.send(splice(notification.bytes, [{ at, text: String(call.sent.number) }]));
  }
  call.responder.cancelled();
}

/** Whether any session has subscribed to a resource. */
export function hasSubscriptions(sessions: Iterable<ClientSession>): boolean {
  return Array.from(sessions).some(({ resources }) => resources.size > 0);
}

/** An answer of the server's as one client gets it. */
export function underId(answer: Message, id: string): Uint8Array {
  return splice(answer.bytes, [{ at: answer.idAt!, text: id }]);
}

// HTTP+SSE, revision 2024-11-05: one event stream for everything the server sends, POSTs for the rest.
// https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
// The stream is the session: when it ends, the session does.
import type { Bridge, LastingConversation, Responder } from "../../bridge/bridge.ts";
import { hasEnvelope } from "../../bridge/envelope.ts";
import type { Message } from "../../frame/message.ts";
import type { Caller } from "../caller.ts";
import type { CallsInFlight } from "../calls-in-flight.ts";
import { badRequest, invalidRequest, serversBusy, sessionNotFound, tooMany } from "../error-response.ts";
import { judgeByProcess } from "../judged-process.ts";
import type { Post } from "../post.ts";
import type { HttpSession, Sessions } from "../sessions.ts";
import type { EventStream, EventStreams } from "../streams/event-stream.ts";
import type { Backlog } from "../streams/pulled-body.ts";
import type { ToolAccess } from "../tool-access.ts";

export interface SseSession extends HttpSession {
  readonly stream: EventStream;
  /** Where everything goes. */
  readonly responder: Responder;
  /** Begins with the client's `initialize`. */
  conversation: Promise<LastingConversation | undefined> | undefined;
  /** The stream has ended: no answer reaches the client. */
  isGone: boolean;
}

export interface HttpSse {
  /** `GET /sse` */
  get(caller: Caller): Response;
  /** `POST /messages?sessionId=`; the answers come on the stream. */
  post(post: Post): Promise<Response>;
}

export interface HttpSseOptions {
  bridge: Bridge;
  sessions: Sessions<SseSession>;
  streams: EventStreams;
  /** Where the client shall post: `/messages`. */
  messagesPath: string;
  /**
   * How long a stream waits for a new token when its own has run out, in milliseconds: a client gets one when a POST of
   * its own is refused, and goes on in the same session. On a new stream it would not send `initialize` again.
   */
  holdFor: number;
  inFlight: CallsInFlight;
  toolAccess: ToolAccess;
}

/** How long a client may take to send `initialize`, in milliseconds. */
const BEGIN_WITHIN = 60_000;
/** Streams of clients without a token that have not sent it: nothing else bounds how many anyone can open. */
const MOST_WAITING = 100;

export function createHttpSse(options: HttpSseOptions): HttpSse {
  const { bridge, sessions, streams, messagesPath, holdFor, inFlight, toolAccess } = options;
  /** Sessions without a token that have not begun. */
  const waiting = new Set<SseSession>();

  function get(caller: Caller): Response {
    const isAnybody = caller.key === "";
    if (isAnybody && waiting.size >= MOST_WAITING)
      return tooMany("streams wait for initialize to be sent on them");
    if (!sessions.makeRoom(caller.key)) return tooMany("streams are open");
    const count: Backlog = (change) =>
      void session.conversation?.then((conversation) => conversation?.unread(change));
    const closed = () => {
      session.isGone = true;
      clearTimeout(patience);
      waiting.delete(session);
      sessions.remove(session);
      void session.conversation?.then((conversation) => conversation?.close());
    };
    const stream = streams.countedBy(count).open(caller, closed, { lasts: holdFor, waits: true });
    const session = createSseSession(sessions.newId(), caller.key, stream);
    sessions.add(session);
    if (isAnybody) waiting.add(session);
    // A client that opens a stream and sends nothing holds a connection for nothing; so does one that finds no room.
    const patience = setTimeout(() => void endUnlessBegun(session), BEGIN_WITHIN);
    patience.unref();
    stream.sendEvent("endpoint", `${messagesPath}?sessionId=${session.id}`);
    return stream.response;
  }

  /** The session's conversation; `undefined` before `initialize`, and when there is no room for one. */
  function converse(session: SseSession, { messages, caller }: Post) {
    const opening = messages.find(({ method }) => method === "initialize");
    if (opening !== undefined && session.conversation === undefined) {
      session.conversation = bridge.openSession(caller, opening, {
        sendUnrelated: (message) => session.stream.send(message),
        closed: session.stream.end,
      });
    }
    return session.conversation;
  }

  async function post(post: Post): Promise<Response> {
    const { request, caller, messages, calls } = post;
    const id = new URL(request.url).searchParams.get("sessionId");
    if (id === null) return badRequest("Bad request: the sessionId parameter is missing.");
    const session = sessions.find(id, caller);
    if (session === undefined) return sessionNotFound();
    // A server of both eras would take such a message for one of the newer revision, and that is not checked here.
    if (messages.some(hasEnvelope))
      return invalidRequest("Requests of this revision are not sent over HTTP+SSE.");
    const begun = converse(session, post);
    if (begun === undefined) return invalidRequest("Bad request: initialize comes first.");
    const conversation = await begun;
    if (conversation === undefined) {
      session.conversation = undefined;
      return serversBusy();
    }
    waiting.delete(session);
    const refusal =
      (await judgeByProcess(post, conversation, toolAccess)) ?? inFlight.refuse(caller, post.since);
    if (refusal !== undefined) return refusal;
    session.stream.renew(caller);
    for (const message of messages) {
      if (message.kind === "request") {
        const own = respondOn(session, message, { caller, conversation, inFlight });
        const observed = calls.admit(message, own);
        const responder = observed === own ? own : untilGone(session, observed);
        conversation.call(message, toolAccess.screen(message, caller, responder));
      } else conversation.send(message);
    }
    return new Response("Accepted", { status: 202 });
  }

  return { get, post };
}

function createSseSession(id: string, callerKey: string, stream: EventStream): SseSession {
  return {
    id,
    callerKey,
    stream,
    responder: {
      notify: (message) => stream.send(message),
      respond: (message) => stream.send(message),
      cancelled: () => {},
    },
    conversation: undefined,
    isGone: false,
    // Its client would come back at once, and end the next one.
    isConnected: () => true,
    isAtWork: () => true,
    close: stream.end,
  };
}

async function endUnlessBegun({ conversation, stream }: SseSession): Promise<void> {
  if ((await conversation) === undefined) stream.end();
}

interface CallOptions {
  caller: Caller;
  conversation: LastingConversation;
  inFlight: CallsInFlight;
}

/** The answer goes out on a stream whose access may last longer than that of the caller. */
function respondOn(
  { stream, responder }: SseSession,
  { id, method }: Message,
  options: CallOptions,
): Responder {
  const { caller, conversation, inFlight } = options;
  // A stream whose token has run out carries nothing of a call that begins afterwards.
  const own = stream.isCurrent() ? stream.sendOwn : stream.send;
  // `initialize` is not the client's alone, and is never cancelled.
  const canBeStopped = method !== "initialize" && caller.refuse !== undefined;
  const call = { caller, stop: () => conversation.cancel(id) };
  if (canBeStopped) inFlight.add(call);
  return {
    notify: (step, isGuessed) => (isGuessed ? responder.notify(step) : own(step)),
    respond(answer) {
      inFlight.remove(call);
      own(answer);
    },
    cancelled: () => inFlight.remove(call),
  };
}

/** A call that is answered when its client has gone counts as cancelled: the end of the session answers all of them. */
function untilGone(session: SseSession, responder: Responder): Responder {
  return {
    ...responder,
    respond(answer, code) {
      if (session.isGone) responder.cancelled();
      else responder.respond(answer, code);
    },
  };
}

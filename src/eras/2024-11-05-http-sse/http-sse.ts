// HTTP+SSE, revision 2024-11-05: one event stream for everything the server says, POSTs for the rest.
// https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
// The stream is the session: when it ends, the session does.
import type { Bridge, Conversation, Responder } from "../../bridge/bridge.ts";
import { hasEnvelope } from "../../bridge/envelope.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { Message } from "../../frame/message.ts";
import type { ToolAccess } from "../tool-access.ts";
import type { Body } from "../post-body.ts";
import type { CallsInFlight } from "../calls-in-flight.ts";
import type { Caller } from "../caller.ts";
import type { EventStream, EventStreams } from "../streams/event-stream.ts";
import type { Backlog } from "../streams/paced-body.ts";
import { refuse, refuseBusy, refuseCrowd, refuseSession } from "../error-response.ts";
import type { Session, Sessions } from "../sessions.ts";

export interface SseSession extends Session {
  readonly stream: EventStream;
  /** Where everything goes. */
  readonly responder: Responder;
  /** Begins with the client's `initialize`. */
  conversation: Promise<Conversation | undefined> | undefined;
}

export interface HttpSse {
  /** `GET /sse` */
  get(caller: Caller): Response;
  /** `POST /messages?sessionId=`; the answers come on the stream. @param since revocations when it was let in */
  post(request: Request, body: Body, caller: Caller, since: number): Promise<Response>;
}

export interface HttpSseOptions {
  bridge: Bridge;
  sessions: Sessions<SseSession>;
  streams: EventStreams;
  /** Where the client shall post: `/messages`. */
  messagesPath: string;
  /**
   * How long a stream waits for a new token when its own has run out, in milliseconds: clients get one when a POST of
   * theirs is refused, and go on in the same session. Those that came back to a new stream would not begin on it.
   */
  holdFor: number;
  inFlight: CallsInFlight;
  toolAccess: ToolAccess;
}

/** How long a client may take to send `initialize`, in milliseconds. */
const BEGIN_WITHIN = 60_000;
/** Streams of clients without a token that have not sent it: nothing else bounds what strangers can open. */
const MOST_WAITING = 100;

export function createHttpSse(options: HttpSseOptions): HttpSse {
  const { bridge, sessions, streams, messagesPath, holdFor, inFlight, toolAccess } = options;
  /** Sessions of strangers that have not begun. */
  const waiting = new Set<SseSession>();
  /** The session's conversation; `undefined` before `initialize`, and when there is no room for one. */
  const converse = (session: SseSession, messages: Body["messages"], caller: Caller) => {
    const opening = messages.find(({ method }) => method === "initialize");
    if (opening !== undefined && session.conversation === undefined) {
      session.conversation = bridge.openSession(caller, opening, {
        sendUnrelated: (message) => session.stream.send(message),
        closed: session.stream.end,
      });
    }
    return session.conversation;
  };

  /** The answer comes on the stream of somebody whose access may last longer than that of who calls. */
  const watch = (
    { id, method }: Message,
    caller: Caller,
    { stream, responder }: SseSession,
    calls: Conversation,
  ): Responder => {
    // Nothing goes out on a stream whose token has run out of what began afterwards, whoever asked for it.
    const own = stream.isCurrent() ? stream.sendOwn : stream.send;
    // The greeting is not the client's alone, and is never cancelled.
    const isWatched = method !== "initialize" && caller.refuse !== undefined;
    const call = { caller, stop: () => calls.cancel(id) };
    if (isWatched) inFlight.add(call);
    return {
      notify: (message, isGuessed) => (isGuessed ? responder.notify(message) : own(message)),
      respond(message) {
        inFlight.remove(call);
        own(message);
      },
      cancelled: () => inFlight.remove(call),
    };
  };

  return {
    get(caller) {
      if (caller.key === "" && waiting.size >= MOST_WAITING) return refuseWaiting();
      if (!sessions.makeRoom(caller.key)) return refuseCrowd("streams are open");
      const id = sessions.newId();
      const count: Backlog = (change) =>
        void session.conversation?.then((conversation) => conversation?.unread(change));
      const stream = streams.countedBy(count).open(caller, closed, { lasts: holdFor, waits: true });
      const session: SseSession = {
        id,
        callerKey: caller.key,
        stream,
        responder: {
          notify: (message) => stream.send(message),
          respond: (message) => stream.send(message),
          cancelled: () => {},
        },
        conversation: undefined,
        // Its client would come back at once, and end the next one.
        isConnected: () => true,
        isAtWork: () => true,
        close: stream.end,
      };
      sessions.add(session);
      if (caller.key === "") waiting.add(session);
      // Who opens a stream and then says nothing holds a connection for nothing; so does who finds no room.
      const patience = setTimeout(giveUp, BEGIN_WITHIN);
      patience.unref();
      stream.sendEvent("endpoint", `${messagesPath}?sessionId=${id}`);
      return stream.response;

      function closed() {
        clearTimeout(patience);
        waiting.delete(session);
        sessions.remove(session);
        void session.conversation?.then((conversation) => conversation?.close());
      }
      function giveUp() {
        void Promise.resolve(session.conversation).then((begun) => begun === undefined && stream.end());
      }
    },
    async post(request, { messages }, caller, since) {
      const id = new URL(request.url).searchParams.get("sessionId");
      if (id === null)
        return refuse(400, ErrorCode.refused, "Bad request: the sessionId parameter is missing.");
      const session = sessions.find(id, caller);
      if (session === undefined) return refuseSession();
      // A server of both eras would take it for what it says it is, which is not what is judged here.
      if (messages.some(hasEnvelope))
        return refuse(400, ErrorCode.invalidRequest, "Requests of this revision are not sent over HTTP+SSE.");
      const begun = converse(session, messages, caller);
      if (begun === undefined)
        return refuse(400, ErrorCode.invalidRequest, "Bad request: initialize comes first.");
      const conversation = await begun;
      if (conversation === undefined) {
        session.conversation = undefined;
        return refuseBusy();
      }
      waiting.delete(session);
      const refusal =
        (await toolAccess.refuse(messages, caller, conversation.tools)) ?? inFlight.refuse(caller, since);
      if (refusal !== undefined) return refusal;
      session.stream.renew(caller);
      for (const message of messages) {
        if (message.kind === "request") {
          const responder = watch(message, caller, session, conversation);
          conversation.call(message, toolAccess.screen(message, caller, responder));
        } else conversation.send(message);
      }
      return new Response("Accepted", { status: 202 });
    },
  };
}

function refuseWaiting(): Response {
  return refuseCrowd("streams wait for initialize to be sent on them");
}

// Streamable HTTP with sessions: revisions 2025-03-26, 2025-06-18 and 2025-11-25.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
// A dropped connection does not cancel a call here; only `notifications/cancelled` does.
import type { Bridge, Responder } from "../../bridge/bridge.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import type { ToolAccess } from "../tool-access.ts";
import type { Body } from "../post-body.ts";
import type { CallsInFlight } from "../calls-in-flight.ts";
import { isAnonymous, type Caller } from "../caller.ts";
import { isResumable } from "../../mcp/revisions.ts";
import type { EventStreams } from "../streams/event-stream.ts";
import { createExchange, PATIENCE, takesEvents } from "../post-response.ts";
import { refuse, refuseBusy, refuseCrowd, refuseMethod, refuseSession } from "../error-response.ts";
import type { Retention } from "../streams/retention.ts";
import type { Sessions } from "../sessions.ts";
import { createAdoptions, markEvents, unmarkEvent, type Inheritance } from "./adoption.ts";
import { createLooseEnd } from "./standalone-stream.ts";
import type { StreamableSession } from "./session.ts";
import { createSessionStreams } from "./session-streams.ts";

export interface StreamableHttp {
  /** @param since revocations when the request was let in */
  post(request: Request, body: Body, caller: Caller, since: number): Promise<Response>;
  get(request: Request, caller: Caller): Promise<Response>;
  delete(request: Request, caller: Caller): Promise<Response>;
}

export interface StreamableHttpOptions {
  bridge: Bridge;
  sessions: Sessions<StreamableSession>;
  streams: EventStreams;
  retention: Retention;
  inFlight: CallsInFlight;
  toolAccess: ToolAccess;
}

const SESSION_HEADER = "mcp-session-id";
/** What is kept for a client that does not listen; the oldest goes first. */
const UNHEARD = { count: 100, bytes: 1024 * 1024 };

export function createStreamableHttp(options: StreamableHttpOptions): StreamableHttp {
  const { bridge, sessions, streams, retention, inFlight, toolAccess } = options;
  const findSession = (request: Request, caller: Caller) => {
    const id = request.headers.get(SESSION_HEADER);
    if (id === null)
      return refuse(400, ErrorCode.refused, "Bad request: the Mcp-Session-Id header is missing.");
    return sessions.find(id, caller) ?? adoptions.find(id, caller) ?? refuseSession();
  };

  /** The same for who may have lost access while a process of his own was started. */
  const findForAccess = async (request: Request, caller: Caller) => {
    const since = inFlight.revocations;
    const session = await findSession(request, caller);
    return inFlight.refuse(caller, since) ?? session;
  };

  /** A session that nobody finds yet. @param inherited of a session that goes on under this caller */
  const createSession = async (
    caller: Caller,
    initialize: Message,
    inherited?: Inheritance,
  ): Promise<StreamableSession | Response> => {
    const primes = isResumable(stringParam(initialize, "protocolVersion") ?? "");
    const counted = streams.countedBy((change) => session.conversation.unread(change));
    const isAdopted = inherited !== undefined;
    const { key: callerKey } = caller;
    const own = createSessionStreams({
      streams: isAdopted ? markEvents(counted) : counted,
      primes,
      retention,
      callerKey,
    });
    const loose = createLooseEnd(own, retention.open({ callerKey, ...UNHEARD }));
    const conversation = await bridge.openSession(caller, initialize, {
      sendUnrelated: loose.send,
      closed() {
        // Whoever ends a session himself has had it forgotten before.
        if (sessions.takeAnonymous(session.id) !== undefined) adoptions.keep(session);
        sessions.remove(session);
        loose.close();
      },
    });
    if (conversation === undefined) {
      loose.close();
      return refuseBusy();
    }
    const session: StreamableSession = {
      id: inherited?.id ?? sessions.newId(),
      callerKey,
      conversation,
      streams: own,
      loose,
      isAdopted,
      handshake: isAnonymous(caller) ? { initialize, initialized: undefined } : undefined,
      isConnected: () => own.isConnected,
      isAtWork: () => conversation.pending > 0,
      close: conversation.close,
    };
    if (!sessions.makeRoom(callerKey)) {
      session.close();
      return refuseCrowd("sessions are at work");
    }
    return session;
  };
  const end = (session: StreamableSession) => {
    sessions.remove(session);
    session.close();
  };
  const openSession = async (caller: Caller, initialize: Message) => {
    const session = await createSession(caller, initialize);
    if (!(session instanceof Response)) sessions.add(session);
    return session;
  };
  const adoptions = createAdoptions({
    sessions,
    open: (caller, inherited) => createSession(caller, inherited.initialize, inherited),
  });

  return {
    async post(request, { batch, messages }, caller, since) {
      const opening = messages.find(({ method }) => method === "initialize");
      if (opening !== undefined && messages.length > 1) {
        return refuse(
          400,
          ErrorCode.invalidRequest,
          "initialize cannot be part of a batch.",
          undefined,
          opening.id,
        );
      }
      const found = opening === undefined ? findSession(request, caller) : openSession(caller, opening);
      const session = found instanceof Promise ? await found : found;
      if (session instanceof Response) return session;
      const refusal =
        (caller.policy && (await toolAccess.refuse(messages, caller, session.conversation.tools))) ??
        inFlight.refuse(caller, since);
      if (refusal !== undefined) {
        // Nobody knows its id yet.
        if (opening !== undefined) end(session);
        return refusal;
      }
      const requests = messages.filter(isRequest);
      // Notifications and answers first: a call in the same batch may wait for them.
      for (const message of messages) if (!isRequest(message)) tell(session, message);
      if (requests.length === 0) return new Response(null, { status: 202 });
      /** An id of one that was answered may be another call's by now. */
      const unanswered = batch ? new Set(requests) : undefined;
      const exchange = createExchange({
        streams: session.streams,
        caller,
        inFlight,
        cancel() {
          // The greeting is not the client's alone, and is never cancelled.
          for (const { id, method } of unanswered ?? requests)
            if (method !== "initialize") session.conversation.cancel(id);
        },
        batch,
        expected: requests.length,
        aside: session.loose.send,
        isPlain: !takesEvents(request),
        headers: opening === undefined ? undefined : { [SESSION_HEADER]: session.id },
        patience: PATIENCE,
        request,
      });
      for (const message of requests) {
        const responder = unanswered
          ? untilOver(exchange.responder, () => unanswered.delete(message))
          : exchange.responder;
        session.conversation.call(message, toolAccess.screen(message, caller, responder));
      }
      return exchange.response;
    },
    async get(request, caller) {
      if (!request.headers.has(SESSION_HEADER)) return refuseMethod("POST");
      const session = await findForAccess(request, caller);
      if (session instanceof Response) return session;
      const event = request.headers.get("last-event-id");
      return session.loose.open(caller, session.isAdopted ? unmarkEvent(event) : event);
    },
    async delete(request, caller) {
      if (!request.headers.has(SESSION_HEADER)) return refuseMethod("POST");
      const session = await findForAccess(request, caller);
      if (session instanceof Response) return session;
      end(session);
      return new Response(null, { status: 200 });
    },
  };
}

/** Calls `over` when a call is. */
function untilOver(responder: Responder, over: () => void): Responder {
  return {
    notify: responder.notify,
    respond(answer, code) {
      over();
      responder.respond(answer, code);
    },
    cancelled() {
      over();
      responder.cancelled();
    },
  };
}

function tell({ conversation, handshake }: StreamableSession, message: Message): void {
  if (handshake !== undefined && message.method === "notifications/initialized")
    handshake.initialized = message;
  conversation.send(message);
}

function isRequest({ kind }: Message): boolean {
  return kind === "request";
}

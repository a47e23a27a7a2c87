// Streamable HTTP with sessions: revisions 2025-03-26, 2025-06-18 and 2025-11-25.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
// A dropped connection does not cancel a call here; only `notifications/cancelled` does.
import type { Bridge, Conversation } from "../../bridge/bridge.ts";
import { ErrorCode } from "../../frame/compose.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import type { Admission } from "../admission.ts";
import type { Body } from "../body.ts";
import type { CallsInFlight, Recheck } from "../calls-in-flight.ts";
import { isResumable, type Caller } from "../era.ts";
import type { EventStreams } from "../event-stream.ts";
import { createExchange, PATIENCE, takesEvents } from "../exchange.ts";
import { refuse, refuseBusy, refuseCrowd, refuseMethod, refuseSession } from "../refusal.ts";
import type { Retention } from "../retention.ts";
import type { Session, Sessions } from "../sessions.ts";
import { createLooseEnd, type LooseEnd } from "./loose-end.ts";
import { createSessionStreams, type SessionStreams } from "./session-streams.ts";

export interface StreamableSession extends Session {
  readonly conversation: Conversation;
  readonly streams: SessionStreams;
  /** Where messages go that belong to no POST. */
  readonly loose: LooseEnd;
}

export interface StreamableHttp {
  post(request: Request, body: Body, caller: Caller, recheck: Recheck): Promise<Response>;
  get(request: Request, caller: Caller): Response;
  delete(request: Request, caller: Caller): Response;
}

export interface StreamableHttpOptions {
  bridge: Bridge;
  sessions: Sessions<StreamableSession>;
  streams: EventStreams;
  retention: Retention;
  inFlight: CallsInFlight;
  admission: Admission;
}

const SESSION_HEADER = "mcp-session-id";
/** What is kept for a client that does not listen; the oldest goes first. */
const UNHEARD = { count: 100, bytes: 1024 * 1024 };

export function createStreamableHttp(options: StreamableHttpOptions): StreamableHttp {
  const { bridge, sessions, streams, retention, inFlight, admission } = options;
  const findSession = (request: Request, caller: Caller): StreamableSession | Response => {
    const id = request.headers.get(SESSION_HEADER);
    if (id === null)
      return refuse(400, ErrorCode.refused, "Bad request: the Mcp-Session-Id header is missing.");
    return sessions.find(id, caller) ?? refuseSession();
  };

  const openSession = async (caller: Caller, initialize: Message): Promise<StreamableSession | Response> => {
    const primes = isResumable(stringParam(initialize, "protocolVersion") ?? "");
    const counted = streams.countedBy((change) => session.conversation.unread(change));
    const { principal } = caller;
    const own = createSessionStreams({ streams: counted, primes, retention, principal });
    const loose = createLooseEnd(own, retention.open({ principal, ...UNHEARD }));
    const conversation = await bridge.openSession(principal, initialize, {
      loose: loose.send,
      closed() {
        sessions.remove(session);
        loose.close();
      },
    });
    if (conversation === undefined) {
      loose.close();
      return refuseBusy();
    }
    const session: StreamableSession = {
      id: sessions.newId(),
      principal,
      conversation,
      streams: own,
      loose,
      isBusy: () => loose.isOpen() || conversation.pending > 0,
      mayGo: () => conversation.pending === 0,
      close: conversation.close,
    };
    if (!sessions.makeRoom(principal)) {
      session.close();
      return refuseCrowd("sessions are at work");
    }
    sessions.add(session);
    return session;
  };

  return {
    async post(request, { batch, messages }, caller, recheck) {
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
      const session =
        opening === undefined ? findSession(request, caller) : await openSession(caller, opening);
      if (session instanceof Response) return session;
      const refusal =
        (caller.gate && (await admission.refuse(messages, caller, session.conversation.call))) ?? recheck();
      if (refusal !== undefined) return refusal;
      const requests = messages.filter(isRequest);
      // Notifications and answers first: a call in the same batch may wait for them.
      for (const message of messages) if (!isRequest(message)) session.conversation.tell(message);
      if (requests.length === 0) return new Response(null, { status: 202 });
      const exchange = createExchange({
        streams: session.streams,
        caller,
        inFlight,
        cancel() {
          // The greeting is not the client's alone, and is never cancelled.
          for (const { id, method } of requests) if (method !== "initialize") session.conversation.cancel(id);
        },
        batch,
        expected: requests.length,
        aside: takesEvents(request) ? undefined : session.loose.send,
        headers: opening === undefined ? undefined : { [SESSION_HEADER]: session.id },
        patience: PATIENCE,
      });
      for (const message of requests) {
        session.conversation.call(message, admission.screen(message, caller, exchange.outlet));
      }
      return exchange.response;
    },
    get(request, caller) {
      if (!request.headers.has(SESSION_HEADER)) return refuseMethod("POST");
      const session = findSession(request, caller);
      return session instanceof Response
        ? session
        : session.loose.open(caller, request.headers.get("last-event-id"));
    },
    delete(request, caller) {
      if (!request.headers.has(SESSION_HEADER)) return refuseMethod("POST");
      const session = findSession(request, caller);
      if (session instanceof Response) return session;
      sessions.remove(session);
      session.close();
      return new Response(null, { status: 200 });
    },
  };
}

function isRequest({ kind }: Message): boolean {
  return kind === "request";
}

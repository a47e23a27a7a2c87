// Streamable HTTP with sessions: revisions 2025-03-26, 2025-06-18 and 2025-11-25.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
// A dropped connection does not cancel a call here; only `notifications/cancelled` does.
import type { Responder } from "../../bridge/bridge.ts";
import type { Message } from "../../frame/message.ts";
import { isAnonymous, type Caller } from "../caller.ts";
import type { CallsInFlight } from "../calls-in-flight.ts";
import { badRequest, invalidRequest, methodNotAllowed, sessionNotFound } from "../error-response.ts";
import { judgeByProcess } from "../judged-process.ts";
import type { Post } from "../post.ts";
import { createPostResponse, PATIENCE, takesEvents } from "../post-response.ts";
import { unmarkEvent } from "./event-mark.ts";
import { createReopenings } from "./reopening.ts";
import { createSessionFactory, type SessionFactoryOptions } from "./session-factory.ts";
import type { StreamableSession } from "./streamable-session.ts";

export interface StreamableHttp {
  post(post: Post): Promise<Response>;
  get(request: Request, caller: Caller): Promise<Response>;
  delete(request: Request, caller: Caller): Promise<Response>;
}

export interface StreamableHttpOptions extends SessionFactoryOptions {
  inFlight: CallsInFlight;
}

const SESSION_HEADER = "mcp-session-id";

export function createStreamableHttp(options: StreamableHttpOptions): StreamableHttp {
  const { sessions, inFlight, toolAccess, notes } = options;
  const factory = createSessionFactory(options);
  const reopenings = createReopenings({ ...options, resume: factory.resume });

  function findSession(request: Request, caller: Caller) {
    const id = request.headers.get(SESSION_HEADER);
    if (id === null) return badRequest("Bad request: the Mcp-Session-Id header is missing.");
    return reopenings.find(id, caller);
  }

  async function openSession(caller: Caller, initialize: Message) {
    const session = await factory.open(caller, initialize);
    if (!(session instanceof Response)) sessions.add(session);
    return session;
  }

  function end(session: StreamableSession): void {
    sessions.remove(session);
    session.close();
  }

  /** Deals with a request without a body in the caller's session. */
  async function inSession(
    request: Request,
    caller: Caller,
    handle: (session: StreamableSession) => Response,
  ): Promise<Response> {
    if (!request.headers.has(SESSION_HEADER)) return methodNotAllowed("POST");
    // Access may be lost while a process is started for the caller.
    const since = inFlight.revocations;
    const session = await findSession(request, caller);
    const refusal = inFlight.refuse(caller, since);
    if (refusal !== undefined) return refusal;
    if (session instanceof Response) return session;
    // Another request may have ended it.
    return sessions.find(session.id, caller) === session ? handle(session) : sessionNotFound();
  }

  return {
    async post(post) {
      const { request, caller, messages, since } = post;
      const opening = messages.find(({ method }) => method === "initialize");
      if (opening !== undefined && messages.length > 1)
        return invalidRequest("initialize cannot be part of a batch.", opening.id);
      const found = opening === undefined ? findSession(request, caller) : openSession(caller, opening);
      const session = found instanceof Promise ? await found : found;
      // A session that ended with the access of its client is not why the client is refused.
      if (session instanceof Response) return inFlight.refuse(caller, since) ?? session;
      const { conversation } = session;
      const isReady = conversation.isAttached && caller.policy === undefined;
      const refusal =
        (isReady ? undefined : await judgeByProcess(post, conversation, toolAccess)) ??
        inFlight.refuse(caller, since);
      if (refusal === undefined) return passOn(post, session, options);
      // No client knows its id yet.
      if (opening !== undefined) end(session);
      return refusal;
    },
    get: (request, caller) =>
      inSession(request, caller, ({ standalone, conversation, mark, lists }) => {
        // Who listens wants to hear what the server says by itself.
        if (!conversation.isAttached) void conversation.attach();
        const event = request.headers.get("last-event-id");
        const response = standalone.open(caller, mark === "" ? event : unmarkEvent(event, mark));
        lists?.listens();
        return response;
      }),
    delete: (request, caller) =>
      inSession(request, caller, (session) => {
        end(session);
        // Nothing is noted of strangers, who could make us write.
        if (!isAnonymous(caller)) notes?.forget(session.note);
        return new Response(null, { status: 200 });
      }),
  };
}

/** Hands everything in a POST to the server. */
function passOn(
  { request, caller, batch, messages, calls }: Post,
  session: StreamableSession,
  { inFlight, toolAccess }: Pick<StreamableHttpOptions, "inFlight" | "toolAccess">,
): Response | Promise<Response> {
  const { conversation, standalone, streams, lists } = session;
  const requests = messages.filter(isRequest);
  // Notifications and answers first: a call in the same batch may wait for them.
  for (const message of messages) if (!isRequest(message)) conversation.send(message);
  const [first] = requests;
  if (first === undefined) return new Response(null, { status: 202 });
  /** An id of one that was answered may be another call's by now. */
  const unanswered = batch ? new Set(requests) : undefined;
  const { response, responder } = createPostResponse({
    streams,
    caller,
    inFlight,
    cancel() {
      // `initialize` is not the client's alone, and is never cancelled.
      for (const { id, method } of unanswered ?? requests)
        if (method !== "initialize") conversation.cancel(id);
    },
    batch,
    expected: requests.length,
    sendUnrelated: standalone.send,
    isPlain: !takesEvents(request),
    headers: first.method === "initialize" ? { [SESSION_HEADER]: session.id } : undefined,
    patience: PATIENCE,
    request,
  });
  for (const message of requests) {
    const own = unanswered ? untilOver(responder, () => unanswered.delete(message)) : responder;
    const admitted = calls.admit(message, own);
    const followed = lists === undefined ? admitted : lists.follow(message, caller, admitted);
    conversation.call(message, toolAccess.screen(message, caller, followed));
  }
  return response;
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

function isRequest({ kind }: Message): boolean {
  return kind === "request";
}

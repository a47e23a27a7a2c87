// Every HTTP dialect behind one door: takes a request that has passed the guards and whose caller is known, and hands
// it to the revision it is written in.
import type { Bridge } from "../bridge/bridge.ts";
import type { Log } from "../log.ts";
import { createHttpSse, type HttpSse, type SseSession } from "./2024-11-05-http-sse/http-sse.ts";
import type { StreamableSession } from "./2025-streamable-http/streamable-session.ts";
import { createStreamableHttp, type StreamableHttp } from "./2025-streamable-http/streamable-http.ts";
import { createStatelessHttp, type StatelessHttp } from "./2026-07-28-stateless/stateless-http.ts";
import type { CallObserver } from "./observers/call-observer.ts";
import type { Caller } from "./caller.ts";
import { createCalls, type Calls } from "./observers/observed-calls.ts";
import { createCallsInFlight } from "./calls-in-flight.ts";
import { classify, type Dialect } from "./classify.ts";
import { eventStreamUnavailable, methodNotAllowed } from "./error-response.ts";
import { createFreshness, type FreshnessOptions } from "./freshness/freshness.ts";
import { createPosts, type HandlePost, type Post } from "./post.ts";
import { createSessionNotes, type SessionNotesOptions } from "./notes/session-notes.ts";
import { createSessions, SESSION_IDLE } from "./sessions.ts";
import { createEventStreams } from "./streams/event-stream.ts";
import { createRetention } from "./streams/retention.ts";
import { createToolAccess, type ToolAccess } from "./tool-access.ts";

/** Answers one request. */
export type EndpointHandler = (request: Request, caller: Caller) => Response | Promise<Response>;

export interface Endpoint {
  /** The MCP endpoint. */
  mcp: EndpointHandler;
  /** `GET /sse` */
  sse: EndpointHandler;
  /** `POST /messages` */
  messages: EndpointHandler;
  /**
   * A credential may have been revoked: ends the calls and streams that depend on it.
   *
   * @param grantId the grant of which a token was revoked
   * @param hasEnded whether all of the grant was, and its sessions end
   */
  recheck(grantId?: string, hasEnded?: boolean): void;
  /** The server has been started anew under open sessions: tells those whose lists have become others. */
  restarted(): Promise<void>;
  /** Ends every session for this run; its calls are answered with an error. */
  endSessions(): void;
  /** Ends every stream, and writes what is to be kept of sessions and lists. */
  close(): Promise<void>;
}

export interface EndpointOptions {
  bridge: Bridge;
  messagesPath: string;
  /** The most bytes of a body. */
  maxBody: number;
  /** Milliseconds after its last use at which an idle session leaves memory: `SESSION_IDLE` unless given. */
  sessionIdle?: number;
  /** Where sessions are kept that leave memory; without it they end then. */
  sessionStore?: Pick<SessionNotesOptions, "store" | "serverId">;
  /** Whether the way to the client lets an event stream through in answer to GET. */
  streamsGet: boolean;
  /** Each sees every call. Without any, calls are not wrapped. */
  observers?: readonly CallObserver[];
  /** Whose lists have changed since clients were shown them. Absent, lists are not followed. */
  freshness?: Omit<FreshnessOptions, "now" | "warn">;
  now(): number;
  random(bytes: number): Uint8Array;
  log: Pick<Log, "info" | "warn" | "debug">;
  /** Called when all of a request is here, and its client has nothing to do but wait. */
  arrived(request: Request): void;
}

/** Proxies on the way cut a connection that is silent for a minute, some sooner. */
const KEEP_ALIVE = 15_000;
const REAP_EVERY = 30_000;

export function createEndpoint(options: EndpointOptions): Endpoint {
  const { bridge, messagesPath, sessionIdle: idle = SESSION_IDLE, sessionStore, streamsGet } = options;
  const { now, random, log } = options;
  const streams = createEventStreams({
    keepAlive: KEEP_ALIVE,
    now,
    stalled: () => log.warn("A client took nothing of its answer for a minute and was cut off."),
  });
  const sessions = createSessions<StreamableSession>({ now, random, idle });
  const sseSessions = createSessions<SseSession>({ now, random, idle });
  const notes = sessionStore && createSessionNotes({ ...sessionStore, now, log });
  const calls = createCalls({ observers: options.observers ?? [], now, warn: log.warn });
  const inFlight = createCallsInFlight(now);
  const toolAccess = createToolAccess();
  const freshness = options.freshness && createFreshness({ ...options.freshness, now, warn: log.warn });
  const shared = { bridge, streams, inFlight, toolAccess, freshness };
  const stateless = createStatelessHttp(shared);
  const dialects: Dialects = {
    streamable: createStreamableHttp({
      ...shared,
      sessions,
      notes,
      retention: createRetention(),
      streamsGet,
      now,
      random,
    }),
    stateless,
    httpSse: createHttpSse({ ...shared, sessions: sseSessions, messagesPath, holdFor: idle }),
  };
  const report = (why: string) => log.debug(`Refused what a client sent: ${why}.`);
  const answered = (request: Request, response: Response) => {
    if (calls.streams !== undefined && streams.isStream(response))
      streams.whenSent(response, calls.streams(request));
  };
  const handlePost = createPosts({ ...options, calls, inFlight, report, answered });
  const reaper = setInterval(sessions.reap, REAP_EVERY);
  reaper.unref();

  return {
    ...createHandlers({ ...options, ...dialects, calls, toolAccess, handlePost, answered }),
    recheck(grantId, hasEnded = false) {
      streams.endUnallowed(grantId);
      inFlight.stopRevoked(grantId);
      if (grantId === undefined || !hasEnded) return;
      sessions.endGrant(grantId);
      notes?.endGrant(grantId);
    },
    restarted: async () => freshness?.restarted(),
    endSessions() {
      stateless.close();
      sessions.close();
      sseSessions.close();
    },
    async close() {
      clearInterval(reaper);
      streams.close();
      calls.flush();
      await Promise.all([notes?.close(), freshness?.close()]);
    },
  };
}

interface Dialects {
  streamable: StreamableHttp;
  stateless: StatelessHttp;
  httpSse: HttpSse;
}

interface HandlersOptions extends Dialects, Pick<EndpointOptions, "streamsGet" | "arrived"> {
  calls: Calls;
  toolAccess: ToolAccess;
  handlePost: HandlePost;
  /** The response to a request; observers may want to follow it. */
  answered(request: Request, response: Response): void;
}

function createHandlers(options: HandlersOptions): Pick<Endpoint, "mcp" | "sse" | "messages"> {
  const { streamable, stateless, httpSse, calls, toolAccess, handlePost, streamsGet } = options;
  const { arrived, answered } = options;

  function post(received: Post, dialect: Dialect | Response): Response | Promise<Response> {
    arrived(received.request);
    // Before anything else, so that an anonymous caller is sent to sign in, whatever else is wrong.
    return received.caller.policy === undefined ? passOn(received, dialect) : judge(received, dialect);
  }

  async function judge(received: Post, dialect: Dialect | Response): Promise<Response> {
    const refusal = await toolAccess.refuse(received.messages, received.caller);
    return refusal ?? passOn(received, dialect);
  }

  function passOn(received: Post, dialect: Dialect | Response): Response | Promise<Response> {
    if (dialect instanceof Response) return dialect;
    return dialect === "stateless" ? stateless.post(received) : streamable.post(received);
  }

  function answerMcp(request: Request, caller: Caller): Response | Promise<Response> {
    switch (request.method) {
      case "GET":
        arrived(request);
        return streamsGet ? streamable.get(request, caller) : eventStreamUnavailable("POST, DELETE");
      case "DELETE":
        return streamable.delete(request, caller);
      default:
        return methodNotAllowed("GET, POST, DELETE");
    }
  }

  function answerSse(request: Request, caller: Caller): Response {
    arrived(request);
    if (!streamsGet) return eventStreamUnavailable("");
    return request.method === "GET" ? httpSse.get(caller) : methodNotAllowed("GET");
  }

  /** A request without a body; observers see it as they see a POST. */
  async function answerBodiless(
    request: Request,
    caller: Caller,
    handle: EndpointHandler,
  ): Promise<Response> {
    calls.received({ request, caller, batch: false, messages: [] });
    const response = await handle(request, caller);
    answered(request, response);
    return response;
  }

  return {
    mcp: (request, caller) =>
      request.method === "POST"
        ? handlePost(request, caller, classify, post)
        : answerBodiless(request, caller, answerMcp),
    sse: (request, caller) => answerBodiless(request, caller, answerSse),
    messages: (request, caller) =>
      request.method === "POST"
        ? handlePost(request, caller, classifyMessage, httpSse.post)
        : answerBodiless(request, caller, () => methodNotAllowed("POST")),
  };
}

function classifyMessage(): Dialect {
  return "http-sse";
}

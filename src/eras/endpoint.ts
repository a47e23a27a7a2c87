// Every HTTP dialect behind one door: takes a request that has passed the guards and whose caller is
// known, and hands it to the revision it is written in.
import type { Bridge } from "../bridge/bridge.ts";
import { createHttpSse, type SseSession } from "./2024-11-05-http-sse/http-sse.ts";
import type { StreamableSession } from "./2025-streamable-http/session.ts";
import { createStreamableHttp } from "./2025-streamable-http/streamable-http.ts";
import { createToolAccess } from "./tool-access.ts";
import type { Log } from "../log.ts";
import type { BodyLimits } from "../request-body.ts";
import { readBody } from "./post-body.ts";
import { createStatelessHttp } from "./2026-07-28-stateless/stateless-http.ts";
import { createCallsInFlight } from "./calls-in-flight.ts";
import { classify } from "./classify.ts";
import { isAnonymous, type Caller, type Trace } from "./caller.ts";
import { createEventStreams } from "./streams/event-stream.ts";
import { refuseMethod, refuseStream } from "./error-response.ts";
import { createRetention } from "./streams/retention.ts";
import { createSessions } from "./sessions.ts";

/** Answers one request. What is learned of it on the way is written into `trace`. */
export type EndpointHandler = (
  request: Request,
  caller: Caller,
  trace: Trace,
) => Response | Promise<Response>;

export interface Endpoint {
  /** The MCP endpoint. */
  mcp: EndpointHandler;
  /** `GET /sse` */
  sse: EndpointHandler;
  /** `POST /messages` */
  messages: EndpointHandler;
  /**
   * A credential may have lost its worth: ends what hangs on it.
   *
   * @param grantId the grant that something of was revoked
   */
  recheck(grantId?: string): void;
  /** Ends every session; its calls are answered with an error. */
  endSessions(): void;
  /** Ends every stream. */
  close(): void;
}

export interface EndpointOptions {
  bridge: Bridge;
  messagesPath: string;
  /** The most bytes of a body. */
  maxBody: number;
  /** Whether the way to the client lets an event stream through in answer to GET. */
  streamsGet: boolean;
  now(): number;
  random(bytes: number): Uint8Array;
  log: Pick<Log, "warn" | "debug">;
  /** Called when all of a request is here, and its client has nothing to do but wait. */
  arrived(request: Request): void;
}

/** Proxies on the way cut what is silent for a minute, some sooner. */
const KEEP_ALIVE = 15_000;
/** Nearly no client ever ends its session. */
const IDLE = 15 * 60_000;
const REAP_EVERY = 30_000;
/** A body of somebody who only looks around. */
const STRANGERS_BODY: BodyLimits = { most: 64 * 1024, within: 5_000 };
/** A body of anybody else; what is slower than a modem is no client. */
const BODY = { within: 30_000, bytesPerSecond: 4 * 1024 };

export function createEndpoint({
  bridge,
  messagesPath,
  maxBody,
  streamsGet,
  now,
  random,
  log,
  arrived,
}: EndpointOptions): Endpoint {
  const streams = createEventStreams({
    keepAlive: KEEP_ALIVE,
    now,
    stalled: () => log.warn("A client took nothing of its answer for a minute and was cut off."),
  });
  const sessions = createSessions<StreamableSession>({ now, random, idle: IDLE });
  const sseSessions = createSessions<SseSession>({ now, random, idle: IDLE });
  const toolAccess = createToolAccess();
  const bodyLimits: BodyLimits = { ...BODY, most: maxBody };
  const reportRefusal = (why: string) => log.debug(`Refused what a client sent: ${why}.`);
  const retention = createRetention();
  const inFlight = createCallsInFlight(now);
  const streamable = createStreamableHttp({ bridge, sessions, streams, retention, inFlight, toolAccess });
  const stateless = createStatelessHttp({ bridge, streams, inFlight, toolAccess });
  const httpSse = createHttpSse({
    bridge,
    sessions: sseSessions,
    streams,
    messagesPath,
    holdFor: IDLE,
    inFlight,
    toolAccess,
  });
  const reaper = setInterval(sessions.reap, REAP_EVERY);
  reaper.unref();
  const readMessages = (request: Request, caller: Caller, trace: Trace) =>
    readBody(request, isAnonymous(caller) ? STRANGERS_BODY : bodyLimits, trace, reportRefusal);

  return {
    async mcp(request, caller, trace) {
      switch (request.method) {
        case "POST": {
          const since = inFlight.revocations;
          const body = await readMessages(request, caller, trace);
          if (body instanceof Response) return body;
          arrived(request);
          // Before anything else, so that a stranger is sent to sign in and not told what a session lacks.
          const refusal = caller.policy && (await toolAccess.refuse(body.messages, caller));
          if (refusal !== undefined) return refusal;
          const dialect = classify(request, body);
          if (dialect instanceof Response) return dialect;
          const [first] = body.messages;
          return dialect === "stateless" && first !== undefined
            ? stateless.post(request, first, caller, since)
            : streamable.post(request, body, caller, since);
        }
        case "GET":
          arrived(request);
          return streamsGet ? streamable.get(request, caller) : refuseStream("POST, DELETE");
        case "DELETE":
          return streamable.delete(request, caller);
        default:
          return refuseMethod("GET, POST, DELETE");
      }
    },
    sse(request, caller) {
      arrived(request);
      if (!streamsGet) return refuseStream("");
      return request.method === "GET" ? httpSse.get(caller) : refuseMethod("GET");
    },
    async messages(request, caller, trace) {
      if (request.method !== "POST") return refuseMethod("POST");
      const since = inFlight.revocations;
      const body = await readMessages(request, caller, trace);
      return body instanceof Response ? body : httpSse.post(request, body, caller, since);
    },
    recheck(grantId) {
      streams.endUnallowed(grantId);
      inFlight.stopRevoked(grantId);
    },
    endSessions() {
      stateless.close();
      sessions.close();
      sseSessions.close();
    },
    close() {
      clearInterval(reaper);
      streams.close();
    },
  };
}

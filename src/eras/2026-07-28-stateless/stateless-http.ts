// Streamable HTTP without sessions, revision 2026-07-28: every POST is a request that stands alone, and
// a client that closes its connection has cancelled it.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
import type { Bridge, StatelessServer } from "../../bridge/bridge.ts";
import type { Envelope } from "../../bridge/envelope.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import type { ToolAccess } from "../tool-access.ts";
import type { CallsInFlight } from "../calls-in-flight.ts";
import type { Caller } from "../caller.ts";
import type { EventStreams } from "../streams/event-stream.ts";
import { createExchange, PATIENCE } from "../post-response.ts";
import { refuse, refuseBusy } from "../error-response.ts";
import { createFarewell, type Listening } from "./listen-streams.ts";
import { climb } from "./validate-request.ts";
import { checkParamHeaders } from "./param-headers.ts";

export interface StatelessHttp {
  /** @param since revocations when the request was let in */
  post(request: Request, message: Message, caller: Caller, since: number): Promise<Response>;
  /** Ends the streams of those who listen; what else is under way ends with its stream. */
  close(): void;
}

export interface StatelessHttpOptions {
  bridge: Bridge;
  streams: EventStreams;
  inFlight: CallsInFlight;
  toolAccess: ToolAccess;
}

export function createStatelessHttp(options: StatelessHttpOptions): StatelessHttp {
  const { bridge, streams, inFlight, toolAccess } = options;
  const farewell = createFarewell();

  async function refuseCall(
    { headers }: Request,
    message: Message,
    server: StatelessServer,
    caller: Caller,
  ): Promise<Response | undefined> {
    const refusal = await toolAccess.refuse([message], caller, server.tools);
    if (refusal !== undefined || message.method !== "tools/call") return refusal;
    const expected = await server.tools.paramHeadersOf(stringParam(message, "name") ?? "");
    const wrong = checkParamHeaders(headers, message, expected);
    return wrong === undefined
      ? undefined
      : refuse(400, ErrorCode.headerMismatch, `Header mismatch: ${wrong}`, undefined, message.id);
  }

  /** The call has been made when it returns. */
  function start(
    { signal }: Request,
    message: Message,
    envelope: Envelope,
    server: StatelessServer,
    caller: Caller,
  ): Promise<Response> {
    // Nobody can come back for an answer here: a stream that ends takes its call along.
    const leave = () => {
      farewell.remove(listening);
      listening.cancel();
    };
    const { id, method } = message;
    const isListening = method === "subscriptions/listen";
    const exchange = createExchange({
      streams: streams.countedBy(server.unread),
      caller,
      inFlight,
      cancel: leave,
      closed: leave,
      expected: 1,
      batch: false,
      // A call that began with a good token goes on; who only listens does not.
      ...(isListening && { lasts: 0 }),
      patience: PATIENCE,
      statusOf,
    });
    const listening: Listening = {
      id,
      callerKey: caller.key,
      responder: exchange.responder,
      cancel: () => {},
    };
    if (isListening) farewell.add(listening);
    listening.cancel = server.call(message, envelope, toolAccess.screen(message, caller, exchange.responder));
    const abandon = () => {
      leave();
      exchange.abandon();
    };
    if (signal.aborted) abandon();
    else signal.addEventListener("abort", abandon);
    return exchange.response;
  }

  return {
    async post(request, message, caller, since) {
      if (message.kind !== "request") return refuseOther(message);
      const envelope = climb(request, message);
      if (envelope instanceof Response) return envelope;
      const server = await bridge.findServer(caller, envelope);
      if (server === undefined) return refuseBusy();
      try {
        const refusal =
          (await refuseCall(request, message, server, caller)) ?? inFlight.refuse(caller, since);
        return refusal ?? start(request, message, envelope, server, caller);
      } finally {
        server.release();
      }
    },
    close: farewell.say,
  };
}

/** No notification means anything here, and there is nothing to answer; notifications are let pass. */
function refuseOther({ kind }: Message): Response {
  if (kind === "notification") return new Response(null, { status: 202 });
  return refuse(400, ErrorCode.invalidRequest, "Clients of this revision send no answers.");
}

/** Errors that the specification gives an HTTP status, as long as no stream has begun. */
function statusOf(code: number): number {
  switch (code) {
    case ErrorCode.methodNotFound:
      return 404;
    case ErrorCode.headerMismatch:
    case ErrorCode.missingCapability:
    case ErrorCode.unsupportedVersion:
      return 400;
    default:
      return 200;
  }
}

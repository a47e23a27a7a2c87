// Streamable HTTP without sessions, revision 2026-07-28: every POST is a request that stands alone, and a client that
// closes its connection has cancelled it.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
import type { Bridge, ClaimedServer, Responder } from "../../bridge/bridge.ts";
import type { Envelope } from "../../bridge/envelope.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { CallsInFlight } from "../calls-in-flight.ts";
import { errorResponse, invalidRequest, serversBusy } from "../error-response.ts";
import type { Freshness } from "../freshness/freshness.ts";
import { followRequest, type FollowedRequest } from "../freshness/request-peer.ts";
import type { Post } from "../post.ts";
import { createPostResponse, PATIENCE } from "../post-response.ts";
import type { EventStreams } from "../streams/event-stream.ts";
import type { ToolAccess } from "../tool-access.ts";
import { createListenStreams, type ListenStream } from "./listen-streams.ts";
import { checkParamHeaders } from "./param-headers.ts";
import { validateRequest } from "./validate-request.ts";

export interface StatelessHttp {
  post(post: Post): Promise<Response>;
  /** Ends the streams of clients that listen; what else is under way ends with its stream. */
  close(): void;
}

export interface StatelessHttpOptions {
  bridge: Bridge;
  streams: EventStreams;
  inFlight: CallsInFlight;
  toolAccess: ToolAccess;
  /** Absent where lists are not followed. */
  freshness: Freshness | undefined;
}

/** A request that has been found in order, and the server it is for. */
interface StatelessRequest {
  readonly post: Post;
  readonly message: Message;
  readonly envelope: Envelope;
  readonly server: ClaimedServer;
}

export function createStatelessHttp(options: StatelessHttpOptions): StatelessHttp {
  const { bridge, streams, inFlight, toolAccess } = options;
  const listenStreams = createListenStreams();

  /** The call has been made when it returns. */
  function start(valid: StatelessRequest): Promise<Response> {
    const { post, message, envelope } = valid;
    const { caller, calls } = post;
    const { signal } = post.request;
    // No client can come back for an answer here: a stream that ends takes its call along.
    const leave = () => {
      listenStreams.remove(listening);
      listening.cancel();
      followed?.leave();
      calls.cancel();
    };
    const isListening = message.method === "subscriptions/listen";
    const server = isListening ? bridge.listen(valid.server, caller, envelope) : valid.server;
    const { response, responder, abandon } = createPostResponse({
      streams: streams.countedBy(server.unread),
      caller,
      inFlight,
      cancel: leave,
      closed: leave,
      expected: 1,
      batch: false,
      // A call that began with a good token goes on; a stream that only listens does not.
      ...(isListening && { lasts: 0 }),
      patience: PATIENCE,
      statusOf,
    });
    const observed = calls.admit(message, responder);
    const listening: ListenStream = {
      id: message.id,
      callerKey: caller.key,
      responder: observed,
      cancel: () => {},
    };
    if (isListening) listenStreams.add(listening);
    const followed = follow(valid, observed, options);
    const answers = toolAccess.screen(message, caller, followed?.responder ?? observed);
    listening.cancel = server.call(message, envelope, answers);
    const giveUp = () => {
      leave();
      abandon();
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp);
    return response;
  }

  return {
    async post(post) {
      const { request, caller, messages, since } = post;
      const [message] = messages;
      if (message?.kind !== "request") return answerOther(message);
      const envelope = validateRequest(request, message);
      if (envelope instanceof Response) return envelope;
      const server = await bridge.findServer(caller, envelope, message.bytes.length, request.signal);
      if (server === undefined) return serversBusy();
      try {
        const valid = { post, message, envelope, server };
        const refusal = (await refuseCall(valid, toolAccess)) ?? inFlight.refuse(caller, since);
        // Released when the call has been made, and not when it has been answered.
        return refusal ?? start(valid);
      } finally {
        server.release();
      }
    },
    close: listenStreams.endAll,
  };
}

/** The refusal of a request that its caller may not send, or whose headers say something else. */
async function refuseCall(
  { post, message, server }: StatelessRequest,
  toolAccess: ToolAccess,
): Promise<Response | undefined> {
  const { request, caller } = post;
  const refusal = caller.policy && (await toolAccess.refuse([message], caller, server.tools));
  if (refusal !== undefined || message.method !== "tools/call") return refusal;
  const expected = await server.tools.paramHeadersOf(stringParam(message, "name") ?? "");
  const wrong = checkParamHeaders(request.headers, message, expected);
  return wrong === undefined ? undefined : headerMismatch(wrong, message.id);
}

/** What becomes of the lists that a request is about; `undefined` when it can go by as it is. */
function follow(
  { post: { caller }, message, envelope, server: { tools } }: StatelessRequest,
  responder: Responder,
  { freshness, bridge, toolAccess }: StatelessHttpOptions,
): FollowedRequest | undefined {
  if (freshness?.passes(message.method, caller, envelope.clientInfo, tools) !== false) return undefined;
  return followRequest(freshness, { caller, envelope, tools, bridge, toolAccess }, message, responder);
}

/** No notification means anything here, and there is nothing to answer; notifications are accepted. */
function answerOther(message: Message | undefined): Response {
  if (message?.kind === "notification") return new Response(null, { status: 202 });
  return invalidRequest("Clients of this revision send no answers.");
}

function headerMismatch(wrong: string, id: string): Response {
  const message = `Header mismatch: ${wrong}`;
  return errorResponse({ status: 400, code: ErrorCode.headerMismatch, message, id });
}

/** The HTTP status that the specification gives an error, as long as no stream has begun. */
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

// Clients without sessions on a server with a handshake: the bridge is the server's one client, with the capabilities of
// the clients it speaks for, and every request of theirs is a call of its own.
import { composeError, composeResult } from "../../frame/compose.ts";
import { rawParam, type Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { StatelessAdapter, StatelessAdapterOptions } from "../adapter.ts";
import type { Envelope } from "../envelope.ts";
import { createHandshakeReplay, type Compose } from "../process/handshake-replay.ts";
import { createMultiplexer, type Multiplexer } from "../process/multiplexer.ts";
import { composePing, createInitialize, OWN_CLIENT_INFO } from "../process/own-requests.ts";
import { quoteError } from "../quote-error.ts";
import { refuseRemoved } from "../removed-methods.ts";
import { respondUnusable } from "../unusable-server.ts";
import { catalogTools, type ProcessToolCatalog } from "../tool-catalog.ts";
import { createDiscovery, type Discovery } from "./discovery.ts";
import { createMultiRoundCalls, type MultiRoundCalls } from "./input-required.ts";
import { createLogLines, type LogLines } from "./log-lines.ts";
import type { Round, RoundWaiter } from "./multi-round-call.ts";
import type { PendingInput } from "./pending-input.ts";
import { createSubscriptions, type Subscriptions } from "./subscriptions.ts";

const NOTHING_TO_END = () => {};

/** What serves the clients of one process. */
interface Parts {
  readonly multiplexer: Multiplexer<RoundWaiter>;
  readonly discovery: Discovery;
  readonly calls: MultiRoundCalls;
  readonly subscriptions: Subscriptions;
  readonly logLines: LogLines;
  readonly tools: ProcessToolCatalog;
}

export function createModernOnLegacy(options: StatelessAdapterOptions): StatelessAdapter {
  const { envelope, shared, used } = options;
  const { openMultiplexer = createMultiplexer, handshake = createHandshakeReplay(initializeFor(envelope)) } =
    shared ?? {};
  const { capabilities } = envelope;
  const discovery = createDiscovery();
  const { serverInfo } = discovery;
  /** Why the server serves no client. */
  let refusal: string | undefined;
  const multiplexer: Multiplexer<RoundWaiter> = openMultiplexer<RoundWaiter>({
    ...options,
    handshake,
    onRequest: (message) => answerServerRequest(message, multiplexer, calls.input),
    onNotification: (message) => takeNotification(parts, message),
    onLost() {
      tools.lost();
      calls.input.forget();
      discovery.lost();
      const problem = multiplexer.findProblem();
      if (problem !== undefined) discovery.close(problem);
    },
    isAwaited: () => discovery.pending > 0 || subscriptions.isAwaited(),
    isSubscribed: (uri) => subscriptions.isSubscribed(uri),
    onInitializeResult(answer) {
      discovery.settle(answer);
      subscriptions.renew();
    },
    onRefused(answer) {
      refusal = `The MCP server refuses to begin: ${quoteError(answer)}`;
      discovery.refuse(refusal);
      options.gone();
    },
  });
  const calls = createMultiRoundCalls({ ...options, multiplexer, capabilities, serverInfo });
  const subscriptions = createSubscriptions({ capabilities: discovery.capabilities, multiplexer });
  const logLines = createLogLines(multiplexer, handshake);
  const tools = catalogTools(multiplexer, options.now);
  const parts: Parts = { multiplexer, discovery, calls, subscriptions, logLines, tools };

  function call(callerKey: string, round: Round): () => void {
    used();
    if (refuseRemoved(round.request, round.responder)) return NOTHING_TO_END;
    return refusal === undefined ? begin(parts, callerKey, round) : fail(round, refusal);
  }

  return {
    get pending() {
      return calls.pending + subscriptions.count + discovery.pending;
    },
    get atWork() {
      return calls.running + discovery.pending + Number(tools.isReading);
    },
    cancelRequests(reason) {
      multiplexer.declineRequests(reason);
      calls.withdraw(reason);
    },
    failCalls(reason) {
      calls.fail(reason);
      discovery.close(reason);
    },
    serve: (callerKey) => ({
      call: (request, caller, responder) => call(callerKey, { request, envelope: caller, responder }),
      unread: multiplexer.unread,
      tools,
    }),
    isAlive: multiplexer.isAlive,
    async close() {
      subscriptions.close();
      discovery.close("The MCP server is being stopped.");
      await multiplexer.close();
    },
  };
}

/** Input that a call requires goes to a client; all else is answered here. */
function answerServerRequest(
  message: Message,
  multiplexer: Pick<Multiplexer<RoundWaiter>, "send">,
  input: PendingInput,
): void {
  switch (message.method) {
    case "elicitation/create":
    case "sampling/createMessage":
    case "roots/list":
      return input.add(message);
    case "ping":
      return void multiplexer.send(composeResult(message.id, {}));
    default: {
      const reason = "The client does not know this method.";
      multiplexer.send(composeError(message.id, ErrorCode.methodNotFound, reason));
    }
  }
}

function fail({ request, responder }: Round, reason: string): () => void {
  responder.respond(composeError(request.id, ErrorCode.internal, reason), ErrorCode.internal);
  return NOTHING_TO_END;
}

/** @returns ends the request because the client has gone */
function begin(parts: Parts, callerKey: string, round: Round): () => void {
  const { multiplexer, discovery, calls, subscriptions, logLines } = parts;
  const { request, envelope, responder } = round;
  const problem = multiplexer.findProblem();
  if (problem !== undefined) {
    respondUnusable(request, responder, problem);
    return NOTHING_TO_END;
  }
  if (request.method === "server/discover") {
    // A process that has ended before it had ever answered may be asleep.
    if (discovery.isLost) void multiplexer.request(composePing);
    void discovery.answer(request.id, responder);
    return NOTHING_TO_END;
  }
  if (request.method === "subscriptions/listen") return subscriptions.open(request, responder);
  logLines.request(envelope.logLevel);
  const end = calls.begin(callerKey, round);
  logLines.flush();
  return end;
}

function takeNotification({ tools, subscriptions, calls, logLines }: Parts, message: Message): void {
  if (message.method === "notifications/tools/list_changed") tools.forget();
  if (subscriptions.notify(message)) return;
  if (message.method === "notifications/cancelled") {
    calls.input.cancel(rawParam(message, "requestId") ?? "");
  } else if (message.method === "notifications/message") {
    logLines.receive(message);
  }
  // Nothing else has a place on a stream that belongs to one request.
}

/** How the bridge introduces itself in a client's stead. */
function initializeFor({ capabilities, clientInfo }: Envelope): Compose {
  // Neither has the same meaning in the older revisions.
  const { extensions: _, tasks: __, ...known } = capabilities;
  return createInitialize(
    known,
    clientInfo === undefined ? OWN_CLIENT_INFO : (JSON.parse(clientInfo) as unknown),
  );
}

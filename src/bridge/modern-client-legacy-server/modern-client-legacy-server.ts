// Clients without sessions on a server with a handshake: the bridge is the server's one client, with
// the capabilities of the clients it speaks for, and every request of theirs is a call of its own.
import { composeError, composeRequest, composeResult } from "../../frame/compose.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { spanText, findMember, type Message } from "../../frame/message.ts";
import type { Responder } from "../bridge.ts";
import { parseSpan, type Envelope } from "../envelope.ts";
import { META } from "../../mcp/meta.ts";
import { STATELESS_REVISIONS } from "../../mcp/revisions.ts";
import { createMultiplexer } from "../process/multiplexer.ts";
import { createInitialize, OWN_CLIENT_INFO } from "../process/own-requests.ts";
import { createKeptMessages, type KeptMessages } from "../process/kept-messages.ts";
import type { StatelessAdapter, StatelessAdapterOptions } from "../adapter.ts";
import { createListeners } from "./subscriptions.ts";
import { isLogged } from "../log-level.ts";
import { leastSevere } from "../../mcp/log-level.ts";
import { quoteError } from "../quote-error.ts";
import { createRoundTrips } from "./input-required.ts";
import { createHandshakeReplay, type Compose } from "../process/handshake-replay.ts";
import { composeListTools, createToolCatalog } from "../tool-catalog.ts";
import type { TripWaiter } from "./parked-call.ts";

/** Gone since 2026-07-28. They must not reach a server that would still obey, be it because it speaks older ones too. */
const REMOVED: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
  "tasks/list",
  "tasks/result",
]);

/** Answers what this revision has no longer; false for everything else. */
export function refuseRemoved({ id, method }: Message, responder: Responder): boolean {
  if (!REMOVED.has(method)) return false;
  const code = ErrorCode.methodNotFound;
  responder.respond(composeError(id, code, `There is no ${method} in this revision.`), code);
  return true;
}

type Json = Readonly<Record<string, unknown>>;

export function createModernOnLegacy(options: StatelessAdapterOptions): StatelessAdapter {
  const { envelope, used, shared } = options;
  const { openMultiplexer = createMultiplexer } = shared ?? {};
  const handshake = shared?.handshake ?? createHandshakeReplay(greeting(envelope));
  const welcome = Promise.withResolvers<Json>();
  /** Requests that wait for what the server says of itself. */
  const discovering = new Set<{ id: string; responder: Responder }>();
  let serverInfo = JSON.stringify(OWN_CLIENT_INFO);
  /** What the server has logged before its first call, which may want it; nobody after that does. */
  let early: KeptMessages<Message> | undefined = createKeptMessages(({ bytes }) => bytes.length);
  /** Why the server serves nobody. */
  let refusal: string | undefined;
  const host = openMultiplexer<TripWaiter>({
    ...options,
    handshake,
    onRequest: ask,
    onNotification,
    onLost: () => trips.forgetQuestions(),
    isAwaited: () => discovering.size > 0 || listeners.isAwaited(),
    isSubscribed: (uri) => listeners.wants(uri),
    onInitializeResult(answer) {
      serverInfo = spanText(answer.bytes, findMember(answer, answer.resultAt, "serverInfo")) ?? serverInfo;
      welcome.resolve((parseSpan(answer, answer.resultAt) ?? {}) as Json);
      listeners.renew();
    },
    onRefused(answer) {
      refusal = `The MCP server refuses to begin: ${quoteError(answer)}`;
      failDiscovering(refusal);
      welcome.resolve({});
      options.gone();
    },
  });
  const trips = createRoundTrips({
    ...options,
    host,
    capabilities: envelope.capabilities,
    serverInfo: () => serverInfo,
  });
  const listeners = createListeners({
    capabilities: async () => ((await welcome.promise)["capabilities"] ?? {}) as Json,
    ask: host.request,
    isWantedElsewhere: host.isSubscribedElsewhere,
  });
  const tools = createToolCatalog(
    (cursor) => host.request((number) => composeListTools(number, cursor)),
    options.now,
  );

  function ask(question: Message): void {
    switch (question.method) {
      case "elicitation/create":
      case "sampling/createMessage":
      case "roots/list":
        return trips.ask(question);
      case "ping":
        return void host.send(composeResult(question.id, {}));
      default:
        host.send(
          composeError(question.id, ErrorCode.methodNotFound, "The client does not know this method."),
        );
    }
  }

  function onNotification(message: Message): void {
    if (message.method === "notifications/tools/list_changed") tools.forget();
    if (listeners.tell(message)) return;
    if (message.method === "notifications/cancelled") {
      return trips.withdraw(
        spanText(message.bytes, findMember(message, message.paramsAt, "requestId")) ?? "",
      );
    }
    if (message.method === "notifications/message") logLine(message);
    // Nothing else has a place on a stream that belongs to one request.
  }

  /** A log line goes to the newest call that asked for lines of its severity. */
  function logLine(message: Message): void {
    if (early !== undefined) return early.add(message);
    const rounds = [...host.calls.all()].map(({ waiter }) => waiter.trip.current);
    const wanting = rounds.findLast((round) => round?.envelope.logLevel !== undefined);
    if (wanting !== undefined && isLogged(message, wanting.envelope.logLevel))
      wanting.responder.notify(message.bytes, true);
  }

  function tellEarly(): void {
    const lines = early?.drain() ?? [];
    early = undefined;
    lines.forEach(logLine);
  }

  /** The server has one level, and logs nothing a client did not ask for. */
  function raiseLevel(wanted: string | undefined): void {
    if (wanted === undefined || leastSevere([wanted, handshake.level]) === handshake.level) return;
    handshake.setLevel(wanted);
    void host.request((number) => composeRequest(number, "logging/setLevel", { level: wanted }));
  }

  function failDiscovering(reason: string): void {
    for (const { id, responder } of discovering)
      responder.respond(composeError(id, ErrorCode.internal, reason), ErrorCode.internal);
    discovering.clear();
  }

  async function discover(id: string, responder: Responder): Promise<void> {
    const waiting = { id, responder };
    discovering.add(waiting);
    const answer = describe(id, await welcome.promise);
    if (discovering.delete(waiting)) responder.respond(answer);
  }

  function describe(id: string, { capabilities, instructions }: Json): Uint8Array {
    const { tasks: _, ...known } = (capabilities ?? {}) as Json;
    return composeResult(id, {
      resultType: "complete",
      supportedVersions: STATELESS_REVISIONS,
      capabilities: known,
      ...(instructions !== undefined && { instructions }),
      ttlMs: 0,
      cacheScope: "private",
      _meta: { [META.serverInfo]: JSON.parse(serverInfo) as unknown },
    });
  }

  return {
    get pending() {
      return trips.pending + listeners.count + discovering.size;
    },
    serve: (callerKey) => ({
      call(request, caller, responder) {
        used();
        if (refuseRemoved(request, responder)) return () => {};
        if (refusal !== undefined) {
          responder.respond(composeError(request.id, ErrorCode.internal, refusal), ErrorCode.internal);
          return () => {};
        }
        if (request.method === "server/discover") {
          void discover(request.id, responder);
          return () => {};
        }
        if (request.method === "subscriptions/listen") return listeners.open(request, responder);
        raiseLevel(caller.logLevel);
        const end = trips.begin(callerKey, { request, envelope: caller, responder });
        tellEarly();
        return end;
      },
      unread: host.unread,
      tools,
    }),
    isAlive: host.isAlive,
    async close() {
      listeners.close();
      failDiscovering("The MCP server is being stopped.");
      await host.close();
    },
  };
}

/** How the bridge introduces itself in a client's stead. */
function greeting({ capabilities, clientInfo }: Envelope): Compose {
  const { extensions: _, tasks: __, ...known } = capabilities;
  return createInitialize(
    known,
    clientInfo === undefined ? OWN_CLIENT_INFO : (JSON.parse(clientInfo) as unknown),
  );
}

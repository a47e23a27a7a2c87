// A client with sessions on a server without: the bridge answers the handshake, keeps what a session keeps (log level,
// subscriptions), and puts the client's envelope into every request.
import { composeError, composeResult } from "../../frame/compose.ts";
import { hasPositions, rawParam, type Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { META } from "../../mcp/meta.ts";
import { printable } from "../../printable.ts";
import type { AdapterOptions, SessionAdapter } from "../adapter.ts";
import { isLogged } from "../log-level.ts";
import { createHandshakeReplay } from "../process/handshake-replay.ts";
import { createMultiplexer } from "../process/multiplexer.ts";
import { composeDiscover } from "../process/own-requests.ts";
import { createSessionAdapter } from "../session-adapter.ts";
import {
  hasSubscriptions,
  respondTo,
  respondWithError,
  type SessionCall,
  type SessionRules,
  type SessionWaiter,
} from "../client-session.ts";
import { catalogStatelessTools } from "../tool-catalog.ts";
import {
  createEnvelopedSession,
  type EnvelopedMultiplexer,
  type EnvelopedSession,
} from "./enveloped-session.ts";
import { answerInitialize } from "./initialize.ts";
import { createLegacyTools } from "./legacy-result.ts";
import { changeSubscription, setLogLevel } from "./session-preferences.ts";
import { translateCall, type TranslatedCalls } from "./translated-call.ts";

export function createLegacyOnModern(options: AdapterOptions): SessionAdapter {
  const { log, random, shared } = options;
  const { openMultiplexer = createMultiplexer } = shared ?? {};
  const sessions = new Set<EnvelopedSession>();
  const multiplexer: EnvelopedMultiplexer = openMultiplexer<SessionWaiter<EnvelopedSession>>({
    ...options,
    handshake: createHandshakeReplay(),
    aliveRequest: composeDiscover,
    // In its revision a server asks in its answers.
    onRequest: ({ id }) =>
      void multiplexer.send(composeError(id, ErrorCode.methodNotFound, "The client takes no requests.")),
    onNotification,
    onLost() {
      tools.lost();
      for (const { listenStream } of sessions) listenStream.lost();
    },
    isAwaited: () => hasSubscriptions(sessions),
    onReplaced: () => sessions.forEach(({ listenStream }) => listenStream.reopen()),
    onRefused: options.gone,
  });
  // Where the process is not shared, in the name of any session: their clients have the same capabilities.
  const tools = catalogStatelessTools(multiplexer, options.now, () => shared?.envelope ?? [...sessions][0]);
  const calls: TranslatedCalls = { multiplexer, tools: createLegacyTools() };

  function onNotification(message: Message): void {
    if (message.method === "notifications/tools/list_changed") tools.forget();
    const subscription = rawParam(message, "_meta", META.subscription);
    if (subscription !== undefined) {
      for (const { client, listenStream } of sessions) {
        const bytes = listenStream.receive(message, subscription);
        if (bytes !== undefined) client.sendUnrelated(bytes);
      }
    } else if (message.method === "notifications/message") {
      logLine(message, multiplexer);
    } else {
      log.debug(`The server sent ${printable(message.method)}, which names no request; dropped.`);
    }
  }

  const rules: SessionRules<EnvelopedSession> = {
    tools,
    used: options.used,
    call: (request, call) => answerCall(calls, request, call),
    receive(message, { listenStream, inputRequests }) {
      // Notifications other than this one have no meaning to a server without sessions.
      if (message.method === "notifications/initialized") void listenStream.open();
      if (message.kind !== "notification" && !inputRequests.receive(message))
        log.debug(`The client answered ${printable(message.id)}, which it was not asked; dropped.`);
    },
    cancelRequests: (reason) => sessions.forEach(({ inputRequests }) => inputRequests.withdraw(reason)),
    ended(session) {
      sessions.delete(session);
      session.inputRequests.close();
      session.listenStream.close();
    },
  };

  return createSessionAdapter(multiplexer, rules, (client) => {
    const session = createEnvelopedSession(client, multiplexer, random);
    sessions.add(session);
    return session;
  });
}

function answerCall(calls: TranslatedCalls, request: Message, call: SessionCall<EnvelopedSession>): void {
  switch (request.method) {
    case "initialize":
      return void answerInitialize(calls.multiplexer, request, call);
    case "ping":
      return respondTo(call, composeResult(call.id, {}));
    case "logging/setLevel":
      return setLogLevel(request, call);
    case "resources/subscribe":
    case "resources/unsubscribe":
      return void changeSubscription(request, call);
    default:
      return hasPositions(request) ? refusePositions(call) : translateCall(calls, request, call);
  }
}

/** They have no place for the envelope that this server needs. */
function refusePositions(call: SessionCall): void {
  const reason = "Invalid params: the MCP server takes params by name, not by position.";
  respondWithError(call, ErrorCode.invalidParams, reason);
}

/** Such a server's log line does not say which call it belongs to; it is sent on only when one session alone wants lines. */
function logLine(message: Message, { calls }: Pick<EnvelopedMultiplexer, "calls">): void {
  const wanting = [...calls.all()]
    .map(({ waiter }) => waiter.call)
    .filter(({ session, responder }) => session.logLevel !== undefined && !responder.isOurs);
  const newest = wanting.at(-1);
  if (newest === undefined || wanting.some(({ session }) => session !== newest.session)) return;
  if (isLogged(message, newest.session.logLevel)) newest.responder.notify(message.bytes, true);
}

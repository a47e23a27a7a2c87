// A client with sessions on a server with a handshake: nothing is translated. Several sessions of one client share the
// process, as the conversations of one desktop application do; the server sees one client.
import { composeResult } from "../../frame/compose.ts";
import type { AnswerId } from "../../frame/answer.ts";
import { errorCode, readErrorCode, type Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";
import { printable } from "../../printable.ts";
import type { AdapterOptions, SessionAdapter } from "../adapter.ts";
import { createHandshakeReplay } from "../process/handshake-replay.ts";
import { createMultiplexer, type Multiplexer } from "../process/multiplexer.ts";
import { composePing } from "../process/own-requests.ts";
import { createSessionAdapter } from "../session-adapter.ts";
import {
  createClientSession,
  notifyProgress,
  respondLost,
  respondTo,
  sendCall,
  underId,
  type ClientSession,
  type SessionCall,
  type SessionRules,
  type SessionWaiter,
} from "../client-session.ts";
import { catalogTools } from "../tool-catalog.ts";
import {
  createForwardedInitialization,
  createOwnInitialization,
  type Initialization,
} from "./initialization.ts";
import { createServerMessages } from "./server-messages.ts";
import { createSharedPreferences } from "./shared-preferences.ts";

export function createLegacyOnLegacy(options: AdapterOptions): SessionAdapter {
  const { log, shared, used } = options;
  const { openMultiplexer = createMultiplexer, handshake = createHandshakeReplay() } = shared ?? {};
  // Least recently used first.
  const sessions = new Set<ClientSession>();
  const multiplexer: Multiplexer<SessionWaiter> = openMultiplexer<SessionWaiter>({
    ...options,
    handshake,
    onRequest: (message) => messages.request(message),
    onNotification: (message) => messages.notification(message),
    onLost() {
      tools.lost();
      messages.lost();
      initialization.lost();
    },
    isAwaited: () => preferences.isAwaited() || initialization.isAwaited(),
    isSubscribed: (uri) => preferences.isSubscribed(uri),
    onInitializeResult: (answer) => initialization.settle(answer),
    onRefused(refusal) {
      initialization.settle(refusal);
      options.gone();
    },
  });
  const tools = catalogTools(multiplexer, options.now);
  const preferences = createSharedPreferences({ sessions, multiplexer, handshake });
  const initialization: Initialization =
    shared === undefined
      ? createForwardedInitialization({ multiplexer, handshake, log })
      : createOwnInitialization(shared.arrived, () => void multiplexer.request(composePing));
  const messages = createServerMessages({
    random: options.random,
    multiplexer,
    sessions,
    initialization,
    preferences,
    tools,
    isShared: shared !== undefined,
  });
  const rules: SessionRules<ClientSession> = {
    tools,
    used(session) {
      if (sessions.delete(session)) sessions.add(session);
      used();
    },
    call(request, call) {
      if (request.method === "initialize") return initialization.answer(request, call);
      // The server must go on for the other sessions, and gets nothing: the answer is ours.
      if (!preferences.record(request, call.session)) return respondTo(call, composeResult(call.id, {}));
      handshake.remember(request);
      sendCall(multiplexer, request, createWaiter(call));
    },
    receive(message, session) {
      if (message.kind !== "notification") {
        if (!messages.answer(message, session))
          log.debug(`The client answered ${printable(message.id)}, which it was not asked; dropped.`);
        return;
      }
      // The server has been greeted once, however many sessions there are.
      if (message.method === "notifications/initialized" && handshake.isInitialized) return;
      handshake.remember(message);
      multiplexer.send(message.bytes);
    },
    cancelRequests: (reason) => messages.withdraw(reason),
    ended(session) {
      sessions.delete(session);
      initialization.forget(session);
      messages.forget(session);
      preferences.release(session);
    },
  };

  return createSessionAdapter(multiplexer, rules, (client) => {
    const session = createClientSession(client);
    sessions.add(session);
    return session;
  });
}

function createWaiter(call: SessionCall): SessionWaiter {
  return { call, onResponse, onRawResponse, onProgress: notifyProgress, onLost: respondLost };
}

function onResponse(message: Message, { call }: SessionWaiter): void {
  respondTo(call, underId(message, call.id), errorCode(message));
}

function onRawResponse(bytes: Uint8Array, at: AnswerId, { call }: SessionWaiter): void {
  respondTo(call, splice(bytes, [{ at, text: call.id }]), at.isError ? readErrorCode(bytes) : undefined);
}

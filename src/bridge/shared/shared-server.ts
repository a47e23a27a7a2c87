// The server process that everybody shares (`--process shared`), or that all strangers do (`--auth optional`), whatever
// they can do and whichever revision they speak. It is greeted once, by us, with all that any client could carry.
import { readMessages, type Message } from "../../frame/message.ts";
import type { BridgeOptions } from "../bridge.ts";
import { canonical, type Envelope } from "../envelope.ts";
import { MODERN, negotiate } from "../../mcp/revisions.ts";
import { createSharedMultiplexer } from "./shared-multiplexer.ts";
import { composeDiscover, createInitialize, OWN_CLIENT_INFO } from "../process/own-requests.ts";
import {
  createLegacyOnLegacy,
  type CellOptions,
  type SessionHost,
} from "../legacy-client-legacy-server/legacy-client-legacy-server.ts";
import { createLegacyOnModern } from "../legacy-client-modern-server/legacy-client-modern-server.ts";
import {
  createModernOnLegacy,
  type StatelessHost,
} from "../modern-client-legacy-server/modern-client-legacy-server.ts";
import { createModernOnModern } from "../modern-client-modern-server/modern-client-modern-server.ts";
import type { Seal } from "../modern-client-legacy-server/request-state.ts";
import { createHandshakeReplay } from "../process/handshake-replay.ts";
import { createOwnWelcome } from "../legacy-client-legacy-server/initialize-result.ts";

export type SharedServer = SessionHost & StatelessHost;

export interface SharedServerOptions extends Omit<CellOptions, "openMultiplexer" | "welcome" | "handshake"> {
  random: BridgeOptions["random"];
  seal: Seal;
  /** Whether the server is spoken to without sessions. */
  isModern: boolean;
  /** Whether strangers share it. */
  isPublic: boolean;
}

/** A question that the client it goes to cannot take is refused in its stead. */
const CAPABILITIES = {
  roots: { listChanged: true },
  sampling: { tools: {} },
  elicitation: { form: {}, url: {} },
};
const composeGreeting = createInitialize(CAPABILITIES);
const ENVELOPE: Envelope = {
  version: MODERN,
  clientInfo: JSON.stringify(OWN_CLIENT_INFO),
  capabilities: CAPABILITIES,
  capabilitiesKey: canonical(CAPABILITIES),
  logLevel: undefined,
};

/** For a server that has to be asked whether it takes a handshake. */
export function writeOwnInitialize(): Message {
  const reading = readMessages(composeGreeting(0));
  if ("fault" in reading) throw new Error(`What we say ourselves cannot be read: ${reading.fault}`);
  return reading.messages[0];
}

export function createSharedServer(options: SharedServerOptions): SharedServer {
  const { isModern } = options;
  let open = 0;
  const handshake = isModern ? createHandshakeReplay() : createHandshakeReplay(composeGreeting);
  const aliveRequest = isModern ? { aliveRequest: composeDiscover } : {};
  const multiplexer = createSharedMultiplexer({
    ...options,
    ...aliveRequest,
    handshake,
    hasSessions: () => open > 0,
  });
  const cell = { ...options, handshake, openMultiplexer: multiplexer.openMultiplexer, envelope: ENVELOPE };
  const sessions = isModern
    ? createLegacyOnModern(cell)
    : createLegacyOnLegacy({ ...cell, welcome: createOwnWelcome(negotiate, multiplexer.clientArrived) });
  const requests = isModern ? createModernOnModern(cell) : createModernOnLegacy(cell);

  return {
    get pending() {
      return sessions.pending + requests.pending;
    },
    open(client) {
      open++;
      return sessions.open({
        sendUnrelated: client.sendUnrelated,
        closed() {
          open--;
          client.closed();
        },
      });
    },
    serve: requests.serve,
    isAlive: multiplexer.isAlive,
    async close() {
      await Promise.all([sessions.close(), requests.close()]);
    },
  };
}

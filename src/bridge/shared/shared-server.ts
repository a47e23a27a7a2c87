// The server process that everybody shares (`--process shared`), or that all strangers do (`--auth optional`), whatever
// they can do and whichever revision they speak. It is greeted once, by us, with all that any client could carry.
import { readMessages, type Message } from "../../frame/message.ts";
import { canonical, type Envelope } from "../envelope.ts";
import { MODERN } from "../../mcp/revisions.ts";
import { createJunction } from "./shared-multiplexer.ts";
import { composeDiscover, createGreeting, WHO } from "../process/own-requests.ts";
import type { AdapterOptions, Era, SessionAdapter, StatelessAdapter } from "../adapter.ts";
import { PAIRS } from "../pairs.ts";
import type { RequestStates } from "../request-state.ts";
import { createHandshakeReplay } from "../process/handshake-replay.ts";

export type CommonHost = SessionAdapter & StatelessAdapter;

export interface CommonOptions extends Omit<AdapterOptions, "shared"> {
  requestStates: RequestStates;
  /** In which the server is spoken to. */
  era: Era;
  /** Whether strangers share it. */
  isPublic: boolean;
}

/** A question that the client it goes to cannot take is refused in its stead. */
const CAPABILITIES = {
  roots: { listChanged: true },
  sampling: { tools: {} },
  elicitation: { form: {}, url: {} },
};
const composeGreeting = createGreeting(CAPABILITIES);
const ENVELOPE: Envelope = {
  version: MODERN,
  clientInfo: JSON.stringify(WHO),
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

export function createCommonHost(options: CommonOptions): CommonHost {
  const { era } = options;
  let open = 0;
  const standing = era === "modern" ? createHandshakeReplay() : createHandshakeReplay(composeGreeting);
  const sign = era === "modern" ? { sign: composeDiscover } : {};
  const junction = createJunction({ ...options, ...sign, standing, hasSessions: () => open > 0 });
  const shared = { openMultiplexer: junction.openHost, handshake: standing, arrived: junction.arrived };
  const sessions = PAIRS.legacyClient[era]({ ...options, shared });
  const requests = PAIRS.modernClient[era]({ ...options, shared, envelope: ENVELOPE });

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
    isAlive: junction.isAlive,
    async close() {
      await Promise.all([sessions.close(), requests.close()]);
    },
  };
}

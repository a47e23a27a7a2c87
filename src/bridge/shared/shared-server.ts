// The server process that all callers share (`--process shared`), or all anonymous ones (`--auth optional`), whatever their
// clients can do and whichever revision they speak. We initialize it once, with all capabilities that any client could have.
import { readMessages, type Message } from "../../frame/message.ts";
import { canonical, type Envelope } from "../envelope.ts";
import { MODERN } from "../../mcp/revisions.ts";
import { createSharedMultiplexer } from "./shared-multiplexer.ts";
import { composeDiscover, createInitialize, OWN_CLIENT_INFO } from "../process/own-requests.ts";
import type { AdapterOptions, Era, SessionAdapter, StatelessAdapter } from "../adapter.ts";
import { PAIRS } from "../pairs.ts";
import type { RequestStates } from "../request-state.ts";
import { createHandshakeReplay } from "../process/handshake-replay.ts";

export type SharedServer = SessionAdapter & StatelessAdapter;

export interface SharedServerOptions extends Omit<AdapterOptions, "shared"> {
  requestStates: RequestStates;
  /** In which the server is spoken to. */
  era: Era;
  /** Whether anonymous callers share it. */
  isPublic: boolean;
}

/** A request that the client it goes to cannot answer is refused on its behalf. */
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

/** For finding out whether a server takes a handshake. */
export function writeOwnInitialize(): Message {
  const reading = readMessages(composeGreeting(0));
  if ("fault" in reading) throw new Error(`Our own initialize cannot be read: ${reading.fault}`);
  return reading.messages[0];
}

export function createSharedServer(options: SharedServerOptions): SharedServer {
  const { era } = options;
  let open = 0;
  const handshake = era === "modern" ? createHandshakeReplay() : createHandshakeReplay(composeGreeting);
  const aliveRequest = era === "modern" ? { aliveRequest: composeDiscover } : {};
  const multiplexer = createSharedMultiplexer({
    ...options,
    ...aliveRequest,
    handshake,
    hasSessions: () => open > 0,
  });
  const shared = {
    openMultiplexer: multiplexer.openMultiplexer,
    handshake,
    envelope: ENVELOPE,
    arrived: multiplexer.clientArrived,
  };
  const sessions = PAIRS.legacyClient[era]({ ...options, shared });
  const requests = PAIRS.modernClient[era]({ ...options, shared, envelope: ENVELOPE });

  return {
    get pending() {
      return sessions.pending + requests.pending;
    },
    get atWork() {
      return sessions.atWork + requests.atWork;
    },
    cancelRequests(reason) {
      sessions.cancelRequests(reason);
      requests.cancelRequests(reason);
    },
    failCalls(reason) {
      sessions.failCalls(reason);
      requests.failCalls(reason);
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

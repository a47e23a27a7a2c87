// A session whose server keeps nothing of it: what every request has to say of its client is kept here.
import type { ClientSide } from "../bridge.ts";
import type { ClientCapabilities } from "../envelope.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import { createClientSession, type ClientSession, type SessionWaiter } from "../client-session.ts";
import { createInputRequests, type InputRequests } from "./input-requests.ts";
import { createSessionListenStream, type SessionListenStream } from "./listen-stream.ts";

export interface EnvelopedSession extends ClientSession {
  /** JSON text. */
  clientInfo: string | undefined;
  capabilities: ClientCapabilities;
  readonly listenStream: SessionListenStream;
  readonly inputRequests: InputRequests;
}

export type EnvelopedMultiplexer = Multiplexer<SessionWaiter<EnvelopedSession>>;

export function createEnvelopedSession(
  client: ClientSide,
  multiplexer: EnvelopedMultiplexer,
  random: (bytes: number) => Uint8Array,
): EnvelopedSession {
  const session: EnvelopedSession = {
    ...createClientSession(client),
    clientInfo: undefined,
    capabilities: {},
    listenStream: createSessionListenStream(multiplexer, () => session),
    inputRequests: createInputRequests(random),
  };
  return session;
}

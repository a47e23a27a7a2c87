// The contract of a pair: it lets clients of one kind use a server process of the same kind or the other. There are four,
// a folder each; pairs.ts chooses.
import type { BridgeOptions, ClientSide, Conversation, StatelessServer } from "./bridge.ts";
import type { Envelope } from "./envelope.ts";
import type { HandshakeReplay } from "./process/handshake-replay.ts";
import type { MultiplexerOptions, OpenMultiplexer } from "./process/multiplexer.ts";
import type { RequestStates } from "./request-state.ts";

/** A kind of revision: `legacy` ones have a handshake and sessions, in `modern` ones every request stands alone. */
export type Era = "legacy" | "modern";

interface Adapter {
  /** Calls in flight, open streams and everything else that a client waits for. */
  readonly pending: number;
  /** Requests of clients that the server answers without being told more: no streams, and no calls whose client is asked. */
  readonly atWork: number;
  /** Takes back what clients are asked, and asks them nothing more: the server is about to end. @param reason a sentence */
  cancelRequests(reason: string): void;
  /** Answers the calls that the server has not answered. @param reason a sentence */
  failCalls(reason: string): void;
  isAlive(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/** A server process as clients with sessions use it. */
export interface SessionAdapter extends Adapter {
  open(client: ClientSide): Conversation;
}

/** A server process as clients without sessions use it. */
export interface StatelessAdapter extends Adapter {
  /** The server as one principal meets it. */
  serve(callerKey: string): StatelessServer;
}

export type AdapterOptions = Pick<
  MultiplexerOptions,
  "acquireChild" | "backpressure" | "onInvalidOutput" | "now" | "log" | "onServer" | "onStderr"
> &
  Pick<BridgeOptions, "random"> & {
    /** Set where clients of the other kind use the same process. */
    shared?: SharedProcess;
    /** A client has said something. */
    used(): void;
    /** The process is of no more use: to be closed. */
    gone(): void;
  };

export type StatelessAdapterOptions = AdapterOptions & {
  requestStates: RequestStates;
  /** Of the first client; the others have the same capabilities. Ours where they need not. */
  envelope: Envelope;
};

/** A process that clients of both kinds use. The bridge itself has shaken hands with it. */
export interface SharedProcess {
  openMultiplexer: OpenMultiplexer;
  handshake: HandshakeReplay;
  /** In whose name a server without sessions is asked what is for all clients: they differ in what they can do. */
  envelope: Envelope;
  /** To be called when a client has come that can be sent what the server says. */
  arrived(): void;
}

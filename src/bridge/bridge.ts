// The contract of the bridge: who talks to which server process, and how it looks from outside.
// Knows JSON-RPC and MCP's methods, nothing of HTTP. Bytes are one message each, without a line end.
import type { ChildExit, StartChild } from "../child/child.ts";
import type { Message } from "../frame/message.ts";
import type { Log } from "../log.ts";
import type { Envelope } from "./envelope.ts";

/** Where goes what belongs to one call. */
export interface Responder {
  /**
   * Something that comes before the answer: progress, a log line, a question to the client.
   *
   * @param rides it is only guessed that the message belongs to this call
   */
  notify(message: Uint8Array, rides?: boolean): void;
  /**
   * The answer. Nothing follows.
   *
   * @param code the error's code; given with every error, and only then
   */
  respond(message: Uint8Array, code?: number): void;
  /** There will be no answer: the client has cancelled the call, or the conversation is over. */
  cancelled(): void;
}

/** A client of a revision with sessions, as the bridge meets it. */
export interface ClientSide {
  /** A message that belongs to no call in flight. */
  sendUnrelated(message: Uint8Array): void;
  /** The conversation is over; the client has to begin a new one. */
  closed(): void;
}

/** One session of a client with a server process, of which others may have sessions too. */
export interface Conversation {
  /** Calls in flight. */
  readonly pending: number;
  call(request: Message, responder: Responder): void;
  /** A notification, or the answer to a question of the server's. */
  send(message: Message): void;
  /** Takes a call back in its client's stead. @param id as JSON text */
  cancel(id: string): void;
  /** Bytes more that the client has not taken of what it was sent; negative when it took some. */
  unread(change: number): void;
  /** Calls in flight are dropped, and cancelled at the server. */
  close(): void;
}

/** A server process as a client without sessions meets it: every request stands alone. */
export interface StatelessServer {
  /**
   * @returns ends the call because the client has gone
   */
  call(request: Message, envelope: Envelope, responder: Responder): () => void;
  /** Bytes more that the client has not taken of what it was sent; negative when it took some. */
  unread(change: number): void;
  /** The arguments of a tool that its caller repeats in headers; empty for a tool without such arguments. */
  paramHeadersOf(tool: string): Promise<readonly ParamHeader[]>;
}

/** A server that does not make room for another one's until it is released. */
export interface ClaimedServer extends StatelessServer {
  /** To be called once, when all that was wanted of it has been called. */
  release(): void;
}

/** An argument that is repeated in a header (`x-mcp-header`). */
export interface ParamHeader {
  /** What follows `Mcp-Param-`. */
  name: string;
  /** Where the argument is found below `params.arguments`. */
  path: readonly string[];
}

export interface Bridge {
  /** Starts the first server process, before anybody connects; resolves when it answers, or is found not to work. */
  launch(): Promise<LaunchReport>;
  /**
   * Begins a session with the client's `initialize`, which must then be called.
   *
   * @returns `undefined` when every server process allowed is busy
   */
  openSession(callerKey: string, initialize: Message, client: ClientSide): Promise<Conversation | undefined>;
  /** The server process for a client without sessions; `undefined` when every one allowed is busy. */
  findServer(callerKey: string, envelope: Envelope): Promise<ClaimedServer | undefined>;
  /** Asks a server process for a sign of life, waiting `ms` milliseconds at most. */
  isAlive(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/** What was seen of the server at launch. */
export type LaunchReport =
  | { outcome: "answered" }
  /** It ended without a word. */
  | { outcome: "exited"; exit: ChildExit };

/** What becomes of server processes, for people and for `--json`. */
export type ServerEvent =
  | { state: "started"; pid: number }
  | { state: "ready"; pid: number }
  /** `isOurs`: ended by us, because its session was over or nobody used it, or by a question of ours. */
  | { state: "exited"; pid: number; reason: string; isOurs?: true }
  | { state: "restarting"; inMs: number };

/** Which callers share a server process: those of one person and OAuth client, those of one session, or all. */
export type ProcessMode = "client" | "session" | "shared";

/** Which revisions the server is spoken to in; `auto`: found out. */
export type ChildEra = "auto" | "legacy" | "modern";

export interface BridgeOptions {
  startChild: StartChild;
  process: ProcessMode;
  /** Those without a principal are strangers among people who have signed in: they share one process, and only they. */
  hasAnonymous: boolean;
  childEra: ChildEra;
  /** The most server processes at a time. */
  maxChildren: number;
  now(): number;
  random(bytes: number): Uint8Array;
  log: Log;
  onServer(event: ServerEvent): void;
  /** A line the server wrote to stderr. */
  onStderr(line: string): void;
}

// The contract of the bridge: who talks to which server process, and how it looks from outside.
// Knows JSON-RPC and MCP's methods, nothing of HTTP. Bytes are one message each, without a line end.
import type { ChildExit, ChildOccasion, StartChild } from "../child/child.ts";
import type { Message } from "../frame/message.ts";
import type { Log } from "../log.ts";
import type { Envelope } from "./envelope.ts";

/** Receives what belongs to one call. */
export interface Responder {
  /** The call is none of the client's: no message that names no call is for it. */
  isOurs?: true;
  /**
   * A message that comes before the answer: progress, a log line, a request to the client.
   *
   * @param isGuessed it is only guessed that the message belongs to this call
   */
  notify(message: Uint8Array, isGuessed?: boolean): void;
  /**
   * The answer. Nothing follows.
   *
   * @param code the error's code; given with every error, and only then
   */
  respond(message: Uint8Array, code?: number): void;
  /** There will be no answer: the client has cancelled the call, or the conversation is over. */
  cancelled(): void;
}

/** A client of a revision with sessions, as a server process sees it. */
export interface ClientSide {
  /** A message that belongs to no call in flight. */
  sendUnrelated(message: Uint8Array): void;
  /** The conversation is over. */
  closed(): void;
}

/** The client of a session that outlives its server processes. */
export interface LastingClient extends ClientSide {
  /** The client has told its server something that the next process must be told again. */
  arranged?(setup: SessionSetup): void;
}

/** What the client of a session has told its server of itself, and every process that goes on with the session is told. */
export interface SessionSetup {
  /** As it came; it has been accepted. */
  readonly initialize: Message;
  /** Whether `notifications/initialized` has followed. */
  readonly isInitialized: boolean;
  /** The least severe log level the client wants; `undefined` when it has not said. */
  readonly logLevel: string | undefined;
  /** URIs of the resources that the client has subscribed to. */
  readonly resources: ReadonlySet<string>;
}

/** One session of a client with a server process, of which others may have sessions too. */
export interface Conversation {
  /** Calls in flight. */
  readonly pending: number;
  readonly tools: ToolCatalog;
  call(request: Message, responder: Responder): void;
  /** A notification, or the answer to a request of the server's. */
  send(message: Message): void;
  /** Cancels a call on behalf of its client. @param id as JSON text */
  cancel(id: string): void;
  /** Bytes more that the client has not taken of what it was sent; negative when it took some. */
  unread(change: number): void;
  /** Calls in flight are dropped, and cancelled at the server. */
  close(): void;
}

/** A session that lasts until it is closed: its server process may end, and another one goes on with it. */
export interface LastingConversation extends Conversation {
  /** Whether a call can be made at once. */
  readonly isAttached: boolean;
  /** That of its process when that took the session up; `undefined` before any has. */
  readonly joinedOn: ToolEdition | undefined;
  /**
   * Has a process go on with the session.
   *
   * @param bytes of the messages that wait for it
   * @param signal aborts when their sender has gone
   * @returns false when every process allowed is busy, too much waits already, or the sender has gone
   */
  attach(bytes?: number, signal?: AbortSignal): Promise<boolean>;
}

/** A server process as a client without sessions sees it: every request stands alone. */
export interface StatelessServer {
  /**
   * @returns ends the call because the client has gone
   */
  call(request: Message, envelope: Envelope, responder: Responder): () => void;
  /** Bytes more that the client has not taken of what it was sent; negative when it took some. */
  unread(change: number): void;
  readonly tools: ToolCatalog;
}

/** What the process that serves a client says of its tools. */
export interface ToolCatalog {
  /** Another one as soon as the list may be another one. */
  readonly edition: ToolEdition;
  /** One tool, as the process has described it within the last minute; `undefined` when its list cannot be read. */
  find(name: string): Promise<CatalogTool | undefined>;
  /** The arguments of a tool that its caller repeats in headers; empty for a tool without such arguments. */
  paramHeadersOf(name: string): Promise<readonly ParamHeader[]>;
}

/** The time between two moments at which a process may have got other tools: known by its identity. */
export interface ToolEdition {
  /** It began with the server's own `notifications/tools/list_changed`. */
  readonly isAnnounced: boolean;
}

/** A tool as its server describes it. */
export interface CatalogTool {
  /** Absent too for a tool that is not in the list, or that readers may take for another one. */
  readonly annotations: { readOnlyHint?: unknown; destructiveHint?: unknown } | undefined;
  readonly paramHeaders: readonly ParamHeader[];
}

/** Whom the bridge serves. */
export interface BridgeCaller {
  /** Equal for the same person with the same OAuth client; empty for callers that cannot be told apart. */
  readonly key: string;
  /** Absent where nobody signs in. */
  readonly principal?: { readonly subject: string; readonly clientId: string } | undefined;
}

/** A server that does not make room for another one's until it is released. */
export interface ClaimedServer extends StatelessServer {
  /** To be called once, after all calls that it was claimed for have been made. */
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
  /** Starts the first server process, before any client connects; resolves when it answers, or is found not to work. */
  launch(): Promise<LaunchReport>;
  /**
   * Begins a session with the client's `initialize`, which must then be called.
   *
   * @returns `undefined` when every server process allowed is busy
   */
  openSession(
    caller: BridgeCaller,
    initialize: Message,
    client: LastingClient,
  ): Promise<LastingConversation | undefined>;
  /** Goes on with a session that had a process before, in this run or in an earlier one. No process serves it yet. */
  resumeSession(caller: BridgeCaller, setup: SessionSetup, client: LastingClient): LastingConversation;
  /**
   * The server process for a client without sessions; `undefined` when every one allowed is busy, too much waits already, or
   * the client has gone.
   *
   * @param bytes of the message that waits for it
   * @param signal aborts when the client has gone
   */
  findServer(
    caller: BridgeCaller,
    envelope: Envelope,
    bytes?: number,
    signal?: AbortSignal,
  ): Promise<ClaimedServer | undefined>;
  /** The server as a client sees it that is going to make one call of `subscriptions/listen`: its stream outlives restarts. */
  listen(server: StatelessServer, caller: BridgeCaller, envelope: Envelope): StatelessServer;
  /**
   * Ends all server processes and starts the server anew, which may have become another one. Sessions go on. Calls in flight
   * get a few seconds, and new ones wait. One restart at a time, and the last launch decides: what is asked for while the
   * old processes end is the same restart, and what is asked for while the new one starts takes its place.
   *
   * @param reason why, as it follows "because", for clients whose calls are cut short: "its files have changed"
   */
  restart(reason: string): Promise<LaunchReport>;
  /** Whether a server process answers within `ms` milliseconds. */
  isAlive(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/** The server processes of one launch. */
export interface Generation {
  /** Never resolves when it is closed before. */
  launch(): Promise<LaunchReport>;
  /** Begins a session, or goes on with one: the process has had no `initialize` of it. */
  openSession(caller: BridgeCaller, initialize: Message, client: ClientSide): Promise<Opening>;
  findServer(caller: BridgeCaller, envelope: Envelope): Promise<ClaimedServer | undefined>;
  isAlive(ms: number): Promise<boolean>;
  /** Gives calls in flight a few seconds, and answers the rest. @param reason a sentence for their clients */
  drain(reason: string): Promise<void>;
  /** Resolves when no process is left. */
  close(): Promise<void>;
}

/** A session on a server process, or why there is none. */
export type Opening =
  | { outcome: "open"; conversation: Conversation }
  | { outcome: "busy" }
  /** @param reason a sentence for the client */
  | { outcome: "unusable"; reason: string };

/** The outcome of the launch. */
export type LaunchReport =
  | { outcome: "answered" }
  /** It ended before it had answered. */
  | { outcome: "exited"; exit: ChildExit }
  /** We ended it before it had answered. */
  | { outcome: "stopped" };

/** A change in the life of a server process, for people and for `--json`. */
export type ServerEvent =
  | { state: "started"; pid: number }
  | { state: "ready"; pid: number }
  /** `isOurs`: ended by us because its session was over or it was not used, or by a request of ours. */
  | { state: "exited"; pid: number; reason: string; isOurs?: true }
  /** `reason`: why all of its processes are ended; absent for one that has ended by itself. */
  | { state: "restarting"; inMs: number; reason?: string };

/** Which callers share a server process: those of one person and OAuth client, those of one session, or all. */
export type ProcessMode = "client" | "session" | "shared";

/** Which revisions the server is spoken to in; `auto`: those that it is found to speak. */
export type ChildEra = "auto" | "legacy" | "modern";

export interface BridgeOptions {
  startChild: StartChild;
  process: ProcessMode;
  /** Variables that the process of one caller gets beside those of every other one; absent: none. */
  environmentFor?(caller: BridgeCaller): ChildOccasion["env"];
  /** Callers without a key are anonymous among people who have signed in: they share one process of their own. */
  hasAnonymous: boolean;
  childEra: ChildEra;
  /** The most server processes at a time. */
  maxChildren: number;
  /** Secret; signs what clients carry for us between the rounds of a call. */
  requestStateKey: Uint8Array;
  now(): number;
  random(bytes: number): Uint8Array;
  log: Log;
  onServer(event: ServerEvent): void;
  /** A line the server wrote to stderr. */
  onStderr(line: string): void;
}

// Who talks to which server process. One process for each conversation, never one for two.
// Knows JSON-RPC and MCP's methods, nothing of HTTP.
import type { ChildEvents, Child, StartChild } from "../child/child.ts";
import type { Message } from "../frame/message.ts";
import type { Log } from "../log.ts";
import { createConversation } from "./conversation.ts";
import { createSpare, type LaunchReport } from "./spare.ts";

/** Where goes what belongs to one call. Bytes are one message each, without a line end. */
export interface Outlet {
  /** Something that comes before the answer: progress, a log line, a question to the client. */
  precede(message: Uint8Array): void;
  /** The answer. Nothing follows. */
  finish(message: Uint8Array): void;
  /** The client has cancelled the call: there will be no answer. */
  drop(): void;
}

/** One client, as the bridge meets it. */
export interface ClientSide {
  /** A message that belongs to no call in flight. */
  loose(message: Uint8Array): void;
  /** The conversation is over; the client has to begin a new one. */
  closed(): void;
}

/** One client talking to one server process. */
export interface Conversation {
  /** Calls in flight. */
  readonly pending: number;
  call(request: Message, outlet: Outlet): void;
  /** A notification, or the answer to a question of the server's. */
  tell(message: Message): void;
  /** Asks the server for a sign of life, waiting `ms` milliseconds at most. */
  answers(ms: number): Promise<boolean>;
  /** Ends the server process. Calls in flight are dropped. */
  close(): Promise<void>;
}

export interface Bridge {
  /** Starts the first server process, before anybody connects, and sees whether it answers. */
  launch(): Promise<LaunchReport>;
  /**
   * @returns `undefined` when every process allowed is busy; idle conversations make room by themselves
   */
  open(client: ClientSide): Conversation | undefined;
  /** Asks a server process for a sign of life, waiting `ms` milliseconds at most. */
  answers(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/** What becomes of server processes, for people and for `--json`. */
export type ServerEvent =
  | { state: "started"; pid: number }
  | { state: "ready"; pid: number }
  | { state: "exited"; pid: number; reason: string }
  | { state: "restarting"; inMs: number };

export interface BridgeOptions {
  startChild: StartChild;
  /** The most server processes at a time. */
  maxChildren: number;
  now(): number;
  log: Log;
  onServer(event: ServerEvent): void;
  /** A line the server wrote to stderr. */
  onStderr(line: string): void;
}

/** Starts a server process for a conversation, or hands it the one that waits. */
export type Hire = (events: ChildEvents) => Child;

export function createBridge(options: BridgeOptions): Bridge {
  const { startChild, maxChildren, log } = options;
  // Least recently used first.
  const open = new Set<Conversation>();
  const spare = createSpare(options);

  const hire: Hire = (events) => spare.take(events) ?? startChild(events);

  const makeRoom = (): boolean => {
    if (open.size < maxChildren) return true;
    const idle = [...open].find((conversation) => conversation.pending === 0);
    if (idle === undefined) return false;
    log.debug(`Ended the least recently used session: ${maxChildren} server processes are the most allowed.`);
    void idle.close();
    return true;
  };

  return {
    launch: () => spare.launch(),
    open(client) {
      if (!makeRoom()) return undefined;
      const conversation = createConversation({
        ...options,
        hire,
        client: {
          loose: (message) => client.loose(message),
          closed() {
            open.delete(conversation);
            client.closed();
          },
        },
        used() {
          if (open.delete(conversation)) open.add(conversation);
        },
      });
      open.add(conversation);
      return conversation;
    },
    async answers(ms) {
      const newest = [...open].at(-1);
      return newest === undefined ? spare.answers(ms) : newest.answers(ms);
    },
    async close() {
      await Promise.all([spare.close(), ...[...open].map((conversation) => conversation.close())]);
    },
  };
}

// One stdio MCP server process as the rest of the program sees it: lines in, lines out, an end.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio

export interface Child {
  readonly pid: number;
  /**
   * Writes one message and a line end.
   *
   * @returns false when it is dropped: the process has ended, or has left too much of its stdin unread
   */
  send(message: Uint8Array): boolean;
  /** Whether stdout is read now. While it is not, the process has to wait as soon as the pipe is full. */
  read(wanted: boolean): void;
  /** Ends stdin, then the process and everything it started; resolves when nothing is left. */
  close(): Promise<void>;
}

export interface ChildEvents {
  /** One line of stdout, without its end. The bytes are the receiver's. */
  line(line: Uint8Array): void;
  /** A line of stdout was longer than the limit and is lost; what is known of it is its beginning and its end. */
  oversize(length: number, head: Uint8Array, tail: Uint8Array): void;
  /** One line of stderr, as text. */
  stderr(line: string): void;
  /** The process is gone and all it wrote has been reported. Called once, and not after `close`. */
  exit(exit: ChildExit): void;
}

export interface ChildExit {
  /** `null` when a signal ended it. */
  code: number | null;
  signal: string | null;
  /** The last lines of stderr, oldest first. */
  stderrTail: readonly string[];
  /** What it did instead of ending, when it was ended for that: `closed its stdout`. */
  fault?: string;
}

/** Why a process is started. */
export interface ChildOccasion {
  readonly owner: ChildOwner;
  /** Variables that this process gets beside those of every other one. */
  readonly env: Readonly<Record<string, string>>;
}

/** Whom a process is started for. */
export type ChildOwner =
  /** One person's OAuth client. */
  | {
      readonly kind: "caller";
      readonly key: string;
      readonly subject: string | undefined;
      readonly clientId: string | undefined;
    }
  /** Callers that have not signed in: all of them, or one session or client where signing in is not possible. */
  | { readonly kind: "anonymous" }
  /** Everyone who has access. */
  | { readonly kind: "shared" }
  /** No client yet; a client whose environment is that of every other one may get it later. */
  | { readonly kind: "launch" };

/** Starts the wrapped server once more. */
export type StartChild = (events: ChildEvents, occasion: ChildOccasion) => Child;

/** An exit in words: `exited with status 1`, `was ended by SIGKILL`. */
export function describeExit({ code, signal, fault }: Omit<ChildExit, "stderrTail">): string {
  if (fault !== undefined) return fault;
  return signal === null ? `exited with status ${code ?? "unknown"}` : `was ended by ${signal}`;
}

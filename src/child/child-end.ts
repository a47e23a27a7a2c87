// When a process counts as ended, and what is reported of it: its exit and both of its streams may end in any order, a
// grandchild may hold a stream open for ever, and a process that can no longer answer may go on running.
import { settlesWithin } from "../deadline.ts";
import type { ChildExit } from "./child.ts";

export interface ChildEnd {
  /** Whether it counts as ended: nothing of it is reported any more. */
  readonly isOver: boolean;
  /** Resolves when it does. */
  readonly over: Promise<void>;
  /** Whether the process itself has exited; its streams may still be read. */
  readonly hasExited: boolean;
  /** Keeps a line of stderr for the report. */
  keep(line: string): void;
  /** Stdout or stderr has ended. */
  streamEnded(): void;
  exited(code: number | null, signal: string | null): void;
  /** It could not be started. */
  failed(reason: string): void;
  /** It can answer nothing any more; it is killed if it does not end soon. @param fault what it did, for the report */
  expect(fault: string): void;
  /** It is ended by us: its end is not reported, and it has its time. */
  close(): void;
}

export interface ChildEndOptions {
  /** How long a process may take that can answer nothing any more, in milliseconds. */
  grace: number;
  kill(): void;
  /** Ends what it has left running. */
  release(): void;
  onExit(exit: ChildExit): void;
}

/** Lines that hold a stack trace with its causes. */
const MAX_TAIL = 50;
/** How long a stream may stay open after the exit, in milliseconds. */
const STREAMS_GRACE = 200;

export function createChildEnd({ grace, kill, release, onExit }: ChildEndOptions): ChildEnd {
  const stderrTail: string[] = [];
  const over = Promise.withResolvers<void>();
  let openStreams = 2;
  let exit: Pick<ChildExit, "code" | "signal"> | undefined;
  let fault: string | undefined;
  let isOver = false;
  let isClosing = false;

  const finish = () => {
    if (isOver) return;
    isOver = true;
    release();
    over.resolve();
    if (isClosing) return;
    onExit({ ...(exit ?? { code: null, signal: null }), stderrTail, ...(fault !== undefined && { fault }) });
  };
  const finishIfComplete = () => {
    if (exit !== undefined && openStreams === 0) finish();
  };
  const keep = (line: string) => {
    stderrTail.push(line);
    if (stderrTail.length > MAX_TAIL) stderrTail.shift();
  };

  return {
    get isOver() {
      return isOver;
    },
    over: over.promise,
    get hasExited() {
      return exit !== undefined;
    },
    keep,
    streamEnded() {
      openStreams--;
      finishIfComplete();
    },
    exited(code, signal) {
      exit = { code, signal };
      finishIfComplete();
      // A grandchild may hold stdout open for ever: the end of the process is what counts.
      setTimeout(finish, STREAMS_GRACE).unref();
    },
    failed(reason) {
      keep(reason);
      finish();
    },
    expect(what) {
      void settlesWithin(over.promise, grace).then((isInTime) => {
        if (isInTime || isClosing) return;
        fault ??= what;
        kill();
      });
    },
    close: () => void (isClosing = true),
  };
}

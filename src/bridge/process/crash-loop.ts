// Whether a process is worth another start. One that ends five times in a row, with no request of a client's answered in
// between, is given up, and callers are told at once; one answer, and the count begins anew. So a tool that crashes its
// server takes the others away only if nothing else is called between its crashes, and for half a minute.
import type { ChildExit } from "../../child/child.ts";
import type { Log } from "../../log.ts";
import { describeBrokenServer } from "./broken-server.ts";

export interface CrashLoop {
  /** Why no call starts the process now; `undefined` when one may. */
  readonly problem: string | undefined;
  /** The process has ended by itself. @param hasServed whether it had answered a client's request */
  ended(exit: ChildExit, hasServed: boolean): void;
}

export interface CrashLoopOptions {
  now(): number;
  log: Pick<Log, "error">;
  /** Strangers use it. */
  isPublic?: boolean | undefined;
}

const MOST_FAILURES = 5;
/** Milliseconds until a call may start it again. */
const REST = 30_000;
const NEXT_TRY = "It is tried again with a call half a minute after its last end.";

export function createCrashLoop({ now, log, isPublic }: CrashLoopOptions): CrashLoop {
  let failures = 0;
  let restsUntil = 0;
  let last: ChildExit | undefined;

  return {
    get problem() {
      if (last === undefined || now() >= restsUntil) return undefined;
      return describeBrokenServer(last, NEXT_TRY, isPublic);
    },
    ended(exit, hasServed) {
      failures = hasServed ? 1 : failures + 1;
      last = failures < MOST_FAILURES ? undefined : exit;
      restsUntil = now() + REST;
      if (failures === MOST_FAILURES)
        log.error(
          `The server has ended ${MOST_FAILURES} times in a row without answering a call in between. Calls are told so; the next try comes with a call in ${REST / 1000} s or later.`,
        );
    },
  };
}

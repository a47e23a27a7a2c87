// Finds processes that a run of tests has left running. A process that loses its parent becomes a child of ours (prctl(2),
// PR_SET_CHILD_SUBREAPER), even with an environment, a session and a process group of its own. Only on Linux with glibc.
import { dlopen } from "bun:ffi";
import { readFileSync } from "node:fs";
import { isRunning, listChildren, listDescendants } from "../test/faults/machine.ts";

const SUBREAPER = 36;
const WNOHANG = 1;
/** Milliseconds: a run leaves many dead processes, and each keeps its number until it is reaped. */
const REAP_EVERY = 250;
export interface Adoption {
  /**
   * Ends the processes that still run below us, and names them.
   *
   * @param patience milliseconds for processes that end by themselves when their parent has ended
   */
  endLeftovers(patience: number): Promise<string[]>;
}

/** @param isAwaited whether other code waits for this child of ours */
export function adoptOrphans(isAwaited: (pid: number) => boolean): Adoption {
  const libc = openLibc();
  if (libc === undefined) return { endLeftovers: async () => [] };
  libc.prctl(SUBREAPER, 1, 0, 0, 0);
  const reap = () => {
    for (const pid of listChildren(process.pid))
      if (!isAwaited(pid) && !isRunning(pid)) libc.waitpid(pid, null, WNOHANG);
  };
  setInterval(reap, REAP_EVERY).unref();

  return {
    async endLeftovers(patience) {
      const end = performance.now() + patience;
      let left = listLeft();
      while (left.length > 0 && performance.now() < end) {
        await Bun.sleep(REAP_EVERY);
        left = listLeft();
      }
      return left.map(endProcess);
    },
  };

  function listLeft(): number[] {
    return listDescendants(process.pid).filter((pid) => !isAwaited(pid) && isRunning(pid));
  }
}

function openLibc() {
  if (process.platform !== "linux") return undefined;
  try {
    return dlopen("libc.so.6", {
      prctl: { args: ["int", "u64", "u64", "u64", "u64"], returns: "int" },
      waitpid: { args: ["int", "ptr", "int"], returns: "int" },
    }).symbols;
  } catch {
    return undefined;
  }
}

/** @returns its number and command line */
function endProcess(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
    process.kill(pid, "SIGKILL");
    return `${pid} ${words}`;
  } catch {
    return `${pid}, which has just ended`;
  }
}

// Whether a process group still runs. A member that has ended and was not reaped by its parent (a zombie) holds nothing any
// more, but `kill` finds it: where process 1 reaps nothing, as in most containers, for ever.
import { readdirSync, readFileSync } from "node:fs";

export function isGroupRunning(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  return process.platform !== "linux" || readdirSync("/proc").some((name) => isRunningIn(name, group));
}

/** proc(5): behind the name, which stands in parentheses and may hold anything, come state, parent and group. */
function isRunningIn(pid: string, group: number): boolean {
  if (!/^\d+$/.test(pid)) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, , own] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(own) === group && state !== "Z" && state !== "X";
  } catch {
    // It has ended while it was looked at.
    return false;
  }
}

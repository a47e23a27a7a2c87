// Whether anything of a process group still runs: what a test of an orderly end has to know.
import { readdirSync, readFileSync } from "node:fs";

/** A process that is dead but that its parent has not asked after yet does not count. */
export function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  // Elsewhere the parent of orphans is quick; in a Linux container it may be a program that never asks.
  if (process.platform !== "linux") return true;
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.map(readState).some((state) => state?.group === group && !/[ZX]/.test(state.letter));
}

/** proc_pid_stat(5): the name stands in parentheses and may hold anything, so the fields are found from behind it. */
function readState(pid: string): { letter: string; group: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [letter = "", , group] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { letter, group: Number(group) };
  } catch {
    return undefined;
  }
}

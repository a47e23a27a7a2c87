// Ends us when the npm, npx or bunx that started us has ended: they do not signal what they started. A shell that ends leaves
// its programs running on purpose. Plain JavaScript for Node 20, used by the launcher and the program.
import { readFileSync } from "node:fs";

/** Milliseconds between two checks. */
const CHECK_EVERY = 1000;
/** npm runs commands in one of these, which may outlive it. */
const SHELL = /^(?:sh|dash|bash|ash|busybox|zsh|ksh)$/;

/**
 * Calls `end` when the npm that started us has ended, also if it ended before the first check.
 *
 * @param {() => void} end
 */
export function endWithParent(end) {
  if (!process.env["npm_lifecycle_event"]) return;
  const parents = [[process.pid, process.ppid]];
  for (let [[, pid]] = parents, stat; SHELL.test((stat = readStat(pid))?.name ?? ""); pid = stat.parent)
    parents.push([pid, stat.parent]);
  if (parents.some(([pid, parent]) => isAdopted(pid, parent))) return end();
  const isGone = () => parents.some(([pid, parent]) => findParent(pid) !== parent);
  setInterval(() => isGone() && end(), CHECK_EVERY).unref();
}

/** A process starts in its parent's session or begins its own (setsid(2)). If neither holds, another process has adopted it. */
function isAdopted(pid, parent) {
  const [own, others] = [readStat(pid), readStat(parent)];
  if (own === undefined) return process.platform !== "win32" && pid === process.pid && parent === 1;
  return others !== undefined && others.session !== own.session && own.session !== pid;
}

function findParent(pid) {
  return pid === process.pid ? process.ppid : readStat(pid)?.parent;
}

/** Linux only (proc_pid_stat(5)). The name in parentheses may contain anything. */
function readStat(pid) {
  try {
    const [, name, rest] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    const [, parent, , session] = rest.split(" ");
    return { name, parent: Number(parent), session: Number(session) };
  } catch {
    return undefined;
  }
}

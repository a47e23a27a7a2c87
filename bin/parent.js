// Whether what started us is still there. npm, npx and bunx end without a word to what they have started; a shell that ends
// leaves it running on purpose. Plain JavaScript for Node 20, for the launcher and the program.
import { readFileSync } from "node:fs";

/** Milliseconds between two looks. */
const LOOK = 1000;
/** What npm runs, it runs in one of these, which may outlive it. */
const SHELL = /^(?:sh|dash|bash|ash|busybox|zsh|ksh)$/;

/**
 * Calls `end` when an npm that started us has ended: also when it has done so before we look for the first time.
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
  setInterval(() => isGone() && end(), LOOK).unref();
}

/** Nobody is born into another session than his parent's (setsid(2)), unless he begins one: so another one has taken him over. */
function isAdopted(pid, parent) {
  const [own, others] = [readStat(pid), readStat(parent)];
  if (own === undefined) return process.platform !== "win32" && pid === process.pid && parent === 1;
  return others !== undefined && others.session !== own.session && own.session !== pid;
}

function findParent(pid) {
  return pid === process.pid ? process.ppid : readStat(pid)?.parent;
}

/** Linux alone tells (proc_pid_stat(5)): the name in parentheses may hold anything. */
function readStat(pid) {
  try {
    const [, name, rest] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    const [, parent, , session] = rest.split(" ");
    return { name, parent: Number(parent), session: Number(session) };
  } catch {
    return undefined;
  }
}

// Finds the TCP ports that a process and its descendants listen on, to warn a person who has started a server of another
// transport by mistake. On systems that do not say there are none.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** @param group a process that leads a process group */
export function listListeningPorts(group: number): number[] {
  switch (process.platform) {
    case "linux":
      return listByProc(group);
    case "darwin":
      return listByLsof(group);
    default:
      return [];
  }
}

/** proc(5): a socket among the descriptors of a process is named by its inode, and so is one in the table of sockets. */
function listByProc(group: number): number[] {
  const members = read(() => readdirSync("/proc"), []).filter((name) => groupOf(name) === group);
  const inodes = new Set(members.flatMap(listSockets));
  const tables = ["tcp", "tcp6"].map((name) =>
    read(() => readFileSync(`/proc/${group}/net/${name}`, "utf8"), ""),
  );
  const ports = tables.flatMap((table) => table.split("\n")).flatMap((row) => readListener(row, inodes));
  return sortPorts(ports);
}

function groupOf(pid: string): number | undefined {
  if (!/^\d+$/.test(pid)) return undefined;
  const stat = read(() => readFileSync(`/proc/${pid}/stat`, "utf8"), "");
  // The name stands in parentheses and may hold anything; behind it come state, parent and group.
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
}

function listSockets(pid: string): string[] {
  const folder = `/proc/${pid}/fd`;
  return read(() => readdirSync(folder), []).flatMap((fd) => {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(read(() => readlinkSync(`${folder}/${fd}`), "")) ?? [];
    return inode ?? [];
  });
}

const LISTENING = "0A";

function readListener(row: string, inodes: ReadonlySet<string>): number[] {
  const [, address = "", , state, , , , , , inode = ""] = row.trim().split(/\s+/);
  return state === LISTENING && inodes.has(inode) ? [Number.parseInt(address.split(":")[1] ?? "", 16)] : [];
}

function listByLsof(group: number): number[] {
  const args = ["lsof", "-nP", "-a", "-g", String(group), "-iTCP", "-sTCP:LISTEN", "-Fn"];
  const text = read(() => Bun.spawnSync(args, { stderr: "ignore" }).stdout.toString(), "");
  return sortPorts(Array.from(text.matchAll(/^n.*:(\d+)$/gm), ([, port]) => Number(port)));
}

function sortPorts(ports: readonly number[]): number[] {
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** A process may end while it is looked at, or belong to another user. */
function read<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

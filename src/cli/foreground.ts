// Whether the terminal is ours at the moment. A program in the background that reads the terminal, or sets its modes, is
// stopped (SIGTTIN and SIGTTOU, https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap11.html#tag_11_01_04).
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Whether the process group of `pid` is the one in the foreground of its terminal. Not, where nothing can tell. */
export function isForeground(pid: number, platform: NodeJS.Platform): boolean {
  // Windows has no process groups of this kind.
  if (platform === "win32") return true;
  const [group, foreground] = platform === "linux" ? readGroups(pid) : askForGroups(pid);
  return group !== undefined && group === foreground;
}

/** After the name, which may contain anything: state, parent, group, session, terminal, group in front (proc_pid_stat(5)). */
function readGroups(pid: number): (string | undefined)[] {
  try {
    const [, rest = ""] = /.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    const [, , group, , , foreground] = rest.split(" ");
    return [group, foreground];
  } catch {
    return [];
  }
}

function askForGroups(pid: number): string[] {
  const { stdout } = spawnSync("ps", ["-o", "pgid=", "-o", "tpgid=", "-p", String(pid)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return (stdout ?? "").trim().split(/\s+/).filter(Boolean);
}

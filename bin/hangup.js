// Finds out whether we were started to outlive our terminal, as by nohup: SIGHUP is then ignored, and a handler of ours would
// undo that. Plain JavaScript for Node 20, used by the launcher and the program.
import { readFileSync } from "node:fs";

/** Node itself undoes it before any script runs. The variable in which a shell names the command then still shows nohup. */
export function isHangupIgnored() {
  if (/(?:^|\/)nohup$/.test(process.env["_"] ?? "")) return true;
  try {
    const [, mask] = /^SigIgn:\s*(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return mask !== undefined && (BigInt(`0x${mask}`) & 1n) === 1n;
  } catch {
    // Only Linux has this file (proc_pid_status(5)).
    return false;
  }
}

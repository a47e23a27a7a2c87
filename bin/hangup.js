// Whether we were started to outlive our terminal, as by nohup: then SIGHUP is ignored, and a handler of ours would undo that.
// Plain JavaScript for Node 20, for the launcher and the program.
import { readFileSync } from "node:fs";

/** Node undoes it itself before any script runs; of nohup a shell then still tells, by the variable that names the command. */
export function isHangupIgnored() {
  if (/(?:^|\/)nohup$/.test(process.env["_"] ?? "")) return true;
  try {
    const [, mask] = /^SigIgn:\s*(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return mask !== undefined && (BigInt(`0x${mask}`) & 1n) === 1n;
  } catch {
    // Only Linux tells (proc_pid_status(5)).
    return false;
  }
}

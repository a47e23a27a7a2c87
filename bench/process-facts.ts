// What the kernel says of a process (proc(5)); Linux only.
import { readFileSync } from "node:fs";

/** Resident memory in megabytes (10⁶ bytes). */
export function readMemory(pid: number): number {
  return readStatus(pid, "VmRSS");
}

/** The most memory that was ever resident since `forgetPeak`. */
export function readPeak(pid: number): number {
  return readStatus(pid, "VmHWM");
}

export async function forgetPeak(pid: number): Promise<void> {
  await Bun.write(`/proc/${pid}/clear_refs`, "5");
}

/** Milliseconds of processor time used so far. */
export function readCpu(pid: number): number {
  const [, rest = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
  const fields = rest.split(" ");
  // utime and stime in ticks, of which Linux has 100 a second on every platform Bun runs on.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function readStatus(pid: number, name: string): number {
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "utf8"),
  )?.[1];
  return (Number(kilobytes) * 1024) / 1e6;
}

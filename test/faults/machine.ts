// What the kernel says of a process (proc(5)). Linux alone has it; tests that ask are skipped elsewhere.
import { readdirSync, readFileSync } from "node:fs";

export const HAS_PROC = process.platform === "linux";

/** Resident memory in bytes. */
export function readMemory(pid: number): number {
  return readKilobytes(pid, "VmRSS");
}

/** The most memory that was ever resident, in bytes. */
export function readPeak(pid: number): number {
  return readKilobytes(pid, "VmHWM");
}

/** Bytes a process has written, to whatever. */
export function readWritten(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
}

export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Process ids of the children, dead ones that nobody has asked about included. */
export function listChildren(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
}

/** Every process below one, whatever it has started. */
export function listDescendants(pid: number): number[] {
  return listChildren(pid).flatMap((child) => [child, ...listDescendants(child)]);
}

/** A process's words and environment, as anybody of the same user can read them. */
export function readSurroundings(pid: number): string {
  return ["cmdline", "environ"].map((name) => readFileSync(`/proc/${pid}/${name}`, "latin1")).join("\0");
}

function readKilobytes(pid: number, name: string): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) * 1024;
}

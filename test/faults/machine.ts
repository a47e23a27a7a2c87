// The kernel's data about a process (proc(5)). Only Linux has it; tests that need it are skipped elsewhere.
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

/** Process ids of the children, unreaped ones included; none of a process that is gone. */
export function listChildren(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) => listChildrenOfThread(pid, task));
  } catch (thrown) {
    return nothingIfGone(thrown);
  }
}

/** Every process below one, whatever it has started. */
export function listDescendants(pid: number): number[] {
  return listChildren(pid).flatMap((child) => [child, ...listDescendants(child)]);
}

/** Whether a process does anything any more: a dead one whose parent has not asked after it does not (proc(5)). */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (thrown) {
    nothingIfGone(thrown);
    return false;
  }
}

/** A process's arguments and environment, as every process of the same user can read them. */
export function readSurroundings(pid: number): string {
  return ["cmdline", "environ"].map((name) => readFileSync(`/proc/${pid}/${name}`, "latin1")).join("\0");
}

function listChildrenOfThread(pid: number, thread: string): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  } catch (thrown) {
    return nothingIfGone(thrown);
  }
}

/** A process that was there a moment ago has ended meanwhile (proc(5): ENOENT, or ESRCH in the middle of it). */
function nothingIfGone(thrown: unknown): [] {
  if (!["ENOENT", "ESRCH"].includes((thrown as NodeJS.ErrnoException).code ?? "")) throw thrown;
  return [];
}

function readKilobytes(pid: number, name: string): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) * 1024;
}

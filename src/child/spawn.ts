// Starts the wrapped server and sees to it that nothing of it outlives us.
// On POSIX the server leads a process group of its own, and a watchdog in that group holds a pipe to us:
// when the pipe closes, because we closed it or because we were killed, the whole group is killed.
import { spawn, type ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { messageOf } from "../errors.ts";
import type { Child, ChildEvents, StartChild } from "./child.ts";
import type { Command } from "./command.ts";
import { createGarbageWatch, type GarbageWatch } from "./garbage.ts";
import { createLineReader } from "./line-reader.ts";
import { createOutbox, type Outbox } from "./outbox.ts";

export interface SpawnOptions {
  command: Command;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** The longest line of stdout that is passed on, in bytes. */
  maxLine: number;
  /** How long a process may take to end after its stdin has ended, in milliseconds. */
  grace: number;
}

const LAST_WORDS = 12;
const STDERR_LINE = 64 * 1024;
/** Bytes that may wait for a process to read its stdin. */
const MAX_WAITING = 64 * 1024 * 1024;

/**
 * The watchdog reads fd 3 until it ends, then kills its process group, itself included.
 * It lets go of stdin, stdout and stderr, so that these end with the server.
 */
const WATCHDOG =
  '(trap "" HUP INT TERM; read -r _ <&3; kill -9 0) </dev/null >/dev/null 2>&1 & exec "$@" 3<&-';

export function createSpawner(options: SpawnOptions): StartChild {
  const garbage = createGarbageWatch();
  return (events) => startChild(options, events, garbage);
}

function startChild(
  { command, cwd, env, maxLine, grace }: SpawnOptions,
  events: ChildEvents,
  garbage: GarbageWatch,
): Child {
  const posix = process.platform !== "win32";
  const [file, ...args]: [string, ...string[]] = posix
    ? ["/bin/sh", "-c", WATCHDOG, "sh", command.file, ...command.args]
    : [command.file, ...command.args];
  const child = spawn(file, args, {
    cwd,
    env: { ...env, ...command.env },
    detached: posix,
    stdio: ["pipe", "pipe", "pipe", posix ? "pipe" : "ignore"],
    windowsHide: true,
    shell: !posix && command.viaShell,
  });
  const stdin = child.stdin as Writable;
  const stdout = child.stdout as Readable;
  const leash = posix ? (child.stdio[3] as Writable) : undefined;
  const outbox = createOutbox(stdin, MAX_WAITING);
  const lastWords: string[] = [];
  let ended = false;
  let fault: string | undefined;
  let closing: Promise<void> | undefined;

  const gone = new Promise<void>((resolve) => {
    const finish = (code: number | null, signal: string | null) => {
      if (ended) return;
      ended = true;
      // The server itself is gone; whatever it started and left behind goes now. The watchdog is still
      // in the group, so the number cannot belong to somebody else yet.
      signalGroup(child, "SIGKILL");
      leash?.destroy();
      stdout.destroy();
      resolve();
      if (closing === undefined)
        events.exit({ code, signal, lastWords, ...(fault !== undefined && { fault }) });
    };
    child.once("close", finish);
    // A grandchild may hold stdout open for ever: the end of the process is what counts.
    child.once("exit", (code, signal) => setTimeout(finish, 200, code, signal).unref());
    child.once("error", (error) => {
      lastWords.push(messageOf(error));
      finish(null, null);
    });
  });
  // Whoever has closed its stdout can answer nothing any more; who does it to end gets the time.
  stdout.once("end", () => {
    const timer = setTimeout(() => {
      if (closing !== undefined) return;
      fault = "closed its stdout";
      signalGroup(child, "SIGKILL");
    }, grace);
    timer.unref();
    void gone.then(() => clearTimeout(timer));
  });
  // Writing to a process that is going reports EPIPE here; its exit says the same better.
  stdin.on("error", () => {});
  leash?.on("error", () => {});
  const takeLine = (line: Uint8Array) => {
    garbage.count(line.length);
    if (!ended) events.line(line);
  };
  readLines(stdout, maxLine, takeLine, events.oversize);
  readLines(child.stderr as Readable, STDERR_LINE, (line) => {
    const text = Buffer.from(line).toString();
    lastWords.push(text);
    if (lastWords.length > LAST_WORDS) lastWords.shift();
    events.stderr(text);
  });

  return {
    pid: child.pid ?? 0,
    send(message) {
      if (ended || closing !== undefined) return false;
      garbage.count(message.length);
      return outbox.send(message);
    },
    read(wanted) {
      if (closing !== undefined || wanted !== stdout.isPaused()) return;
      if (wanted) stdout.resume();
      else stdout.pause();
    },
    close() {
      // A process that waits for its reader would not see that its stdin has ended.
      stdout.resume();
      closing ??= endProcess(child, outbox, gone, leash, grace);
      return closing;
    },
  };
}

function readLines(
  stream: Readable,
  limit: number,
  line: (line: Uint8Array) => unknown,
  oversize?: ChildEvents["oversize"],
): void {
  const reader = createLineReader({ limit, line, ...(oversize && { oversize }) });
  stream.on("data", (chunk: Buffer) => reader.push(chunk));
  stream.on("end", () => reader.end());
  stream.on("error", () => reader.end());
}

/** The shutdown of the stdio transport: close stdin, wait, SIGTERM, wait, kill everything. */
async function endProcess(
  child: ChildProcess,
  outbox: Outbox,
  gone: Promise<void>,
  leash: Writable | undefined,
  grace: number,
) {
  outbox.end();
  if (await settlesWithin(gone, grace)) return;
  signalGroup(child, "SIGTERM");
  if (await settlesWithin(gone, grace)) return;
  signalGroup(child, "SIGKILL");
  leash?.destroy();
  await settlesWithin(gone, grace);
}

function signalGroup(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform !== "win32") process.kill(-child.pid, signal);
    else if (signal === "SIGKILL")
      spawn("taskkill", ["/pid", String(child.pid), "/t", "/f"], { stdio: "ignore" });
    else child.kill(signal);
  } catch {
    // ESRCH: the group is already gone, which is what was wanted.
  }
}

async function settlesWithin(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: Timer | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, ms, false)));
  const settled = await Promise.race([promise.then(() => true as const), late]);
  clearTimeout(timer);
  return settled;
}

// One life of the wrapped server: its lines in and out, and the shutdown of the stdio transport at the end of it.
import { settlesWithin } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Child, ChildEvents, StartChild } from "./child.ts";
import type { Command } from "./command.ts";
import { createMemoryTrim, type MemoryTrim } from "./memory-trim.ts";
import { createLineReader } from "./line-reader.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { startPosixProcess } from "./posix-process.ts";
import type { Process } from "./process.ts";
import { startWindowsProcess } from "./windows-process.ts";

export interface SpawnOptions {
  command: Command;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** The longest line of stdout that is passed on, in bytes. */
  maxLine: number;
  /** How long a process may take to end after its stdin has ended, in milliseconds. */
  grace: number;
}

/** Lines that hold a stack trace with what caused it. */
const STDERR_TAIL = 50;
const STDERR_LINE = 64 * 1024;
/** Bytes that may wait for a process to read its stdin. */
const MAX_WAITING = 64 * 1024 * 1024;

export function createSpawner(options: SpawnOptions): StartChild {
  const memoryTrim = createMemoryTrim();
  return (events) => startChild(options, events, memoryTrim);
}

const startProcess = process.platform === "win32" ? startWindowsProcess : startPosixProcess;

function startChild(
  { command, cwd, env, maxLine, grace }: SpawnOptions,
  events: ChildEvents,
  memoryTrim: MemoryTrim,
): Child {
  const stderrTail: string[] = [];
  let open = 2;
  let end: { code: number | null; signal: string | null } | undefined;
  let ended = false;
  let fault: string | undefined;
  let closing: Promise<void> | undefined;
  let isReading = true;
  const gone = Promise.withResolvers<void>();

  const read = (wanted: boolean) => {
    if (wanted !== isReading) child.read(wanted);
    isReading = wanted;
  };
  const finish = () => {
    if (ended) return;
    ended = true;
    // The server itself is gone; whatever it started and left behind goes now.
    child.release();
    gone.resolve();
    if (closing === undefined) {
      const { code, signal } = end ?? { code: null, signal: null };
      events.exit({ code, signal, stderrTail, ...(fault !== undefined && { fault }) });
    }
  };
  const finishIfOver = () => {
    if (end !== undefined && open === 0) finish();
  };
  /** Whoever has closed its stdin or stdout can answer nothing any more; who does it to end gets the time. */
  const expectEnd = (what: string) => {
    const timer = setTimeout(() => {
      if (closing !== undefined) return;
      fault ??= what;
      child.signal("SIGKILL");
    }, grace);
    timer.unref();
    void gone.promise.then(() => clearTimeout(timer));
  };

  const stdout = createLineReader({
    limit: maxLine,
    line(line) {
      memoryTrim.count(line.length);
      if (!ended) events.line(line);
    },
    oversize: events.oversize,
  });
  const stderr = createLineReader({
    limit: STDERR_LINE,
    line(line) {
      const text = Buffer.from(line).toString();
      stderrTail.push(text);
      if (stderrTail.length > STDERR_TAIL) stderrTail.shift();
      events.stderr(text);
    },
  });
  const child = startProcess(
    { ...command, cwd, env: { ...env, ...command.env } },
    {
      stdout: stdout.push,
      stderr: stderr.push,
      stdoutEnded() {
        stdout.end();
        open--;
        expectEnd("closed its stdout");
        finishIfOver();
      },
      stderrEnded() {
        stderr.end();
        open--;
        finishIfOver();
      },
      drained: () => outbox.drained(),
      stdinEnded: () => expectEnd("closed its stdin"),
      exited(code, signal) {
        end = { code, signal };
        // What it has written is told, however little of it clients have taken.
        read(true);
        finishIfOver();
        // A grandchild may hold stdout open for ever: the end of the process is what counts.
        setTimeout(finish, 200).unref();
      },
      failed(error) {
        stderrTail.push(messageOf(error));
        finish();
      },
    },
  );
  const outbox = createOutbox(child, MAX_WAITING);

  return {
    pid: child.pid ?? 0,
    send(message) {
      if (ended || closing !== undefined) return false;
      memoryTrim.count(message.length);
      return outbox.send(message);
    },
    read(wanted) {
      if (closing === undefined && end === undefined) read(wanted);
    },
    close() {
      // A process that waits for its reader would not see that its stdin has ended.
      read(true);
      closing ??= endProcess(child, outbox, gone.promise, grace);
      return closing;
    },
  };
}

/** The shutdown of the stdio transport: close stdin, wait, SIGTERM, wait, kill everything. */
async function endProcess(child: Process, outbox: Outbox, gone: Promise<void>, grace: number) {
  outbox.end();
  if (await settlesWithin(gone, grace)) return;
  child.signal("SIGTERM");
  if (await settlesWithin(gone, grace)) return;
  child.release();
  await settlesWithin(gone, grace);
}

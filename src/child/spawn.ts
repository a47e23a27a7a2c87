// One life of the wrapped server: its lines in and out, and the shutdown of the stdio transport at the end of it.
import { settlesWithin } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Child, ChildEvents, StartChild } from "./child.ts";
import type { Command } from "./command.ts";
import { createChildEnd, type ChildEnd } from "./child-end.ts";
import { createMemoryTrim, type MemoryTrim } from "./memory-trim.ts";
import { createLineReader } from "./line-reader.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { startPosixProcess } from "./posix-process.ts";
import type { Process, ProcessEvents } from "./process.ts";
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

const MAX_STDERR_LINE = 64 * 1024;
/** Bytes that may wait for a process to read its stdin. */
const MAX_WAITING = 64 * 1024 * 1024;

export function createSpawner(options: SpawnOptions): StartChild {
  const memoryTrim = createMemoryTrim();
  return (events, occasion) => {
    const env = { ...options.env, ...options.command.env, ...occasion.env };
    return startChild({ ...options, env }, events, memoryTrim);
  };
}

const startProcess = process.platform === "win32" ? startWindowsProcess : startPosixProcess;

function startChild(
  { command, cwd, env, maxLine, grace }: SpawnOptions,
  events: ChildEvents,
  memoryTrim: MemoryTrim,
): Child {
  let isReading = true;
  let closing: Promise<void> | undefined;
  const read = (wanted: boolean) => {
    if (wanted !== isReading) child.read(wanted);
    isReading = wanted;
  };
  const end: ChildEnd = createChildEnd({
    grace,
    kill: () => child.signal("SIGKILL"),
    // The server itself is gone; what it started and left running goes now.
    release: () => child.release(),
    onExit: events.exit,
  });
  const child = startProcess(
    { ...command, cwd, env },
    {
      ...readStreams({ maxLine, memoryTrim, end }, events),
      drained: () => outbox.drained(),
      stdinEnded: () => end.expect("closed its stdin"),
      exited(code, signal) {
        // What it has written is read, however little of it clients have taken.
        read(true);
        end.exited(code, signal);
      },
      failed: (error) => end.failed(messageOf(error)),
    },
  );
  const outbox = createOutbox(child, MAX_WAITING);

  return {
    pid: child.pid ?? 0,
    send(message) {
      if (end.isOver || closing !== undefined) return false;
      memoryTrim.count(message.length);
      return outbox.send(message);
    },
    read(wanted) {
      if (closing === undefined && !end.hasExited) read(wanted);
    },
    close() {
      // A process that waits for its reader would not see that its stdin has ended.
      read(true);
      end.close();
      closing ??= endProcess(child, outbox, end.over, grace).then(() => untilLeft(child));
      return closing;
    },
  };
}

interface StdoutOptions extends Pick<SpawnOptions, "maxLine"> {
  memoryTrim: MemoryTrim;
  end: ChildEnd;
}

/** Makes lines of the two streams that a process writes. */
function readStreams(
  { maxLine, memoryTrim, end }: StdoutOptions,
  events: ChildEvents,
): Pick<ProcessEvents, "stdout" | "stderr" | "stdoutEnded" | "stderrEnded"> {
  const stdout = createLineReader({
    limit: maxLine,
    line(line) {
      memoryTrim.count(line.length);
      if (!end.isOver) events.line(line);
    },
    oversize: events.oversize,
  });
  const stderr = createLineReader({
    limit: MAX_STDERR_LINE,
    line(line) {
      const text = Buffer.from(line).toString();
      end.keep(text);
      events.stderr(text);
    },
  });
  return {
    stdout: stdout.push,
    stderr: stderr.push,
    stdoutEnded() {
      stdout.end();
      end.expect("closed its stdout");
      end.streamEnded();
    },
    stderrEnded() {
      stderr.end();
      end.streamEnded();
    },
  };
}

/** How long what was killed is waited for, in milliseconds. */
const LAST_WAIT = 1_000;

/** The next process may want the port or the lock that something in this one's group still holds. */
async function untilLeft(child: Process): Promise<void> {
  for (const end = performance.now() + LAST_WAIT; child.isLeft() && performance.now() < end;)
    await Bun.sleep(1);
}

/** The shutdown of the stdio transport: close stdin, wait, SIGTERM, wait, kill everything. */
async function endProcess(child: Process, outbox: Outbox, over: Promise<void>, grace: number) {
  outbox.end();
  if (await settlesWithin(over, grace)) return;
  child.signal("SIGTERM");
  if (await settlesWithin(over, grace)) return;
  child.release();
  await settlesWithin(over, grace);
}

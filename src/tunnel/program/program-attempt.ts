// Runs a tunnel program of the person's own as an attempt: the file about that program reads its output.
import { UserError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { printable, printableLine } from "../../printable.ts";
import { startLeashed } from "./leashed-process.ts";
import type { Attempt, AttemptEvents, AttemptFailure, SupervisorTiming } from "../supervisor.ts";
import type { TunnelConnection, TunnelResources } from "../tunnel.ts";

/** The resources of a provider that runs such a program. */
export interface ProgramResources extends TunnelResources {
  timing: SupervisorTiming;
  /** How long it may take until the URL answers: milliseconds. */
  timeout?: number;
}

export interface TunnelProgram {
  name: string;
  /** The path of its executable. */
  file: string;
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** How long it may take until the URL answers: milliseconds. */
  timeout: number;
  log: Log;
  /** Makes a reader of the lines of one run. */
  createReader(run: ProgramRun): (line: string) => void;
  /** Advice for a person after a failure; `output` is what the program printed last. */
  advise(output: string): string;
}

export interface ProgramRun {
  /** The URL answers, for the first time or again. */
  up(url: string): void;
  /** The URL does not answer for now, and the program reconnects by itself. */
  interrupted(reason: string): void;
  /** A person has to do something first, and gets `ms` milliseconds for it. */
  askPerson(text: string, ms: number): void;
}

/** How long a program may take to end in order: milliseconds. */
const GRACE = 3_000;
/** The number of its last lines that an error shows. */
const LAST_LINES = 6;
const LONGEST_MESSAGE = 500;

export function beginProgram(program: TunnelProgram, events: AttemptEvents): Attempt {
  const { name, file, args, env, timeout, log, createReader } = program;
  const opened = Promise.withResolvers<TunnelConnection | AttemptFailure>();
  const ended = Promise.withResolvers<AttemptFailure>();
  const lastLines: string[] = [];
  let state: "opening" | "up" | "interrupted" = "opening";

  const end = (how: string) => {
    clearTimeout(timer);
    const failure = describeEnd(program, how, lastLines);
    opened.resolve(failure);
    ended.resolve(failure);
  };
  const giveUpAfter = (ms: number) =>
    setTimeout(() => {
      end(`did not open a tunnel within ${ms / 1000} s`);
      running.kill();
    }, ms);
  let timer = giveUpAfter(timeout);

  const read = createReader({
    up(url) {
      clearTimeout(timer);
      if (state === "interrupted") events.resumed({ url });
      state = "up";
      opened.resolve({ url });
    },
    interrupted(reason) {
      if (state !== "up") return;
      state = "interrupted";
      events.interrupted(reason);
    },
    askPerson(text, ms) {
      clearTimeout(timer);
      timer = giveUpAfter(ms);
      events.warn(printable(text, LONGEST_MESSAGE));
    },
  });
  const running = startLeashed({
    file,
    args,
    env,
    line(text) {
      const shown = printableLine(text);
      log.debug(`${name}: ${shown}`);
      if (shown.trim() !== "") lastLines.push(shown.trim());
      if (lastLines.length > LAST_LINES) lastLines.shift();
      read(text);
    },
    gone: end,
  });
  return {
    opened: opened.promise,
    ended: ended.promise,
    close: () => running.stop(GRACE),
    kill() {
      clearTimeout(timer);
      running.kill();
    },
  };
}

function describeEnd({ name, advise }: TunnelProgram, how: string, lines: readonly string[]): AttemptFailure {
  const output = lines.map((line) => `\n  | ${line}`).join("");
  const message = `${name} ${how}${output === "" ? "." : `. Its last output:${output}`}`;
  return { error: new UserError(message, advise(lines.join("\n")), 1), outlook: "transient" };
}

/** The path of `name` on PATH. @throws {UserError} with exit code 2 when it is not there */
export function findProgram(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  hint: string,
): string {
  const file = Bun.which(name, { PATH: env["PATH"] ?? "" });
  if (file !== null) return file;
  throw new UserError(`"${name}" is not on your PATH.`, hint);
}

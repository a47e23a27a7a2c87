// One run of a tunnel program of the person's own as an attempt: what it prints is read by whoever knows the program.
import { UserError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { printable, printableLine } from "../../printable.ts";
import { startLeashed } from "./leashed-process.ts";
import type { Attempt, AttemptEvents, Setback } from "../supervisor.ts";
import type { Up } from "../tunnel.ts";

export interface Program {
  /** Its name, and the file it is. */
  name: string;
  file: string;
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** How long it may take until the URL answers: milliseconds. */
  timeout: number;
  log: Log;
  /** Makes a reader of its lines for one run. */
  createReader(run: ProgramRun): (line: string) => void;
  /** What a person can do about it; `words` is what it printed last. */
  advise(words: string): string;
}

export interface ProgramRun {
  /** The URL answers, for the first time or again. */
  up(url: string): void;
  /** It does not for now, and the program is at it. */
  interrupted(reason: string): void;
  /** A person has to do something first, and gets `ms` milliseconds for it. */
  waitForPerson(text: string, ms: number): void;
}

/** How long a program may take to end in order: milliseconds. */
const GRACE = 3_000;
/** Lines that are kept for the case that they were the last. */
const LAST_LINES = 6;
const LONGEST_NOTICE = 500;

export function beginProgram(program: Program, events: AttemptEvents): Attempt {
  const { name, file, args, env, timeout, log, createReader } = program;
  const opened = Promise.withResolvers<Up | Setback>();
  const ended = Promise.withResolvers<Setback>();
  const words: string[] = [];
  let state: "opening" | "up" | "interrupted" = "opening";

  const end = (how: string) => {
    clearTimeout(timer);
    const setback = describeEnd(program, how, words);
    opened.resolve(setback);
    ended.resolve(setback);
  };
  const giveUpAfter = (ms: number) =>
    setTimeout(() => {
      end(`opened no tunnel within ${ms / 1000} s`);
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
    waitForPerson(text, ms) {
      clearTimeout(timer);
      timer = giveUpAfter(ms);
      events.notice(printable(text, LONGEST_NOTICE));
    },
  });
  const running = startLeashed({
    file,
    args,
    env,
    line(text) {
      const shown = printableLine(text);
      log.debug(`${name}: ${shown}`);
      if (shown.trim() !== "") words.push(shown.trim());
      if (words.length > LAST_LINES) words.shift();
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

/** All that a program prints before it ends is what it has to say about it. */
function describeEnd({ name, advise }: Program, how: string, words: readonly string[]): Setback {
  const said = words.map((line) => `\n  | ${line}`).join("");
  const message = `${name} ${how}${said === "" ? "." : `. It said:${said}`}`;
  return { error: new UserError(message, advise(words.join("\n")), 1), outlook: "passing" };
}

/** Where `name` is on PATH. @throws {UserError} with exit code 2 when it is not */
export function findProgram(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  hint: string,
): string {
  const file = Bun.which(name, { PATH: env["PATH"] ?? "" });
  if (file !== null) return file;
  throw new UserError(`There is no "${name}" on your PATH.`, hint);
}

// Starts the real command as a process, from source or compiled, and reads what it prints.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AppEvent, Ready } from "../src/app/app.ts";

export const ROOT = join(import.meta.dir, "..");

export interface ProgramOptions {
  /** Added to the environment; `undefined` takes a variable away. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** The compiled binary, to be started instead of the source. */
  binary?: string | undefined;
  /** Of `startProgram` alone; a free one is chosen where none is given. */
  port?: number;
  /** Of `startProgram` alone: the test makes the program fail. Without it, a failure fails the test. */
  faulty?: boolean;
  /** What can be read from stdin. */
  stdin?: string;
  /** How long `runProgram` may take, in milliseconds. */
  deadline?: number;
}

/** A program that may not be ready yet, or never be. */
export interface Launch {
  readonly pid: number;
  /** All events so far, in order. */
  readonly events: readonly AppEvent[];
  /** The first event, past or future, that fits. */
  next(fits: (event: AppEvent) => boolean): Promise<AppEvent>;
  /** Every line, as it came. */
  stdout(): string;
  stderr(): string;
  /** Resolves with the exit status. */
  readonly exited: Promise<number>;
  /** Sends a signal, SIGTERM where none is named; the exit status. */
  stop(signal?: NodeJS.Signals): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Program extends Launch {
  readonly ready: Ready;
}

const DEADLINE = 25_000;

/** Starts `mcp-expose --json …words` on a free port with a store of its own, and waits until it is ready. */
export async function startProgram(words: readonly string[], options: ProgramOptions = {}): Promise<Program> {
  const launch = launchProgram(words, options);
  try {
    return { ...launch, ready: (await launch.next(({ event }) => event === "ready")) as Ready };
  } catch (thrown) {
    await launch.stop("SIGKILL").catch(() => {});
    throw thrown;
  }
}

/** The same without waiting: for what happens on the way. */
export function launchProgram(words: readonly string[], options: ProgramOptions = {}): Launch {
  const { path: home, [Symbol.dispose]: removeHome } = createHome();
  const child = spawnProgram(["--json", "--port", String(options.port ?? 0), ...words], {
    ...options,
    env: { XDG_STATE_HOME: home, ...options.env },
  });
  const events: AppEvent[] = [];
  const changed = new Set<() => void>();
  let stdout = "";
  let stderr = "";
  let ended = false;
  const tellAll = () => changed.forEach((tell) => tell());
  const reading = Promise.all([
    eachLine(child.stdout, (line) => {
      stdout += `${line}\n`;
      events.push(JSON.parse(line) as AppEvent);
      tellAll();
    }),
    eachLine(child.stderr, (line) => {
      stderr += `${line}\n`;
    }),
  ]).then(() => {
    ended = true;
    tellAll();
  });
  const exited = reading.then(() => child.exited);

  const next = (fits: (event: AppEvent) => boolean) =>
    new Promise<AppEvent>((resolve, reject) => {
      const fail = (why: string) =>
        settle(() => reject(new Error(`${why}\n${stderr}\n${JSON.stringify(events)}`)));
      const timer = setTimeout(fail, DEADLINE, "waited in vain for an event");
      const look = () => {
        const found = events.find(fits);
        if (found !== undefined) settle(() => resolve(found));
        else if (ended) fail("the program ended before the event");
      };
      const settle = (done: () => void) => {
        clearTimeout(timer);
        changed.delete(look);
        done();
      };
      changed.add(look);
      look();
    });

  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    const status = await exited;
    removeHome();
    if (!options.faulty) refuseFaults(events, stderr);
    refuseSecrets(events, stderr);
    return status;
  };
  return {
    pid: child.pid,
    events,
    next,
    stdout: () => stdout,
    stderr: () => stderr,
    exited,
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

/** Nothing a client or a server does may make us fail: a 500, or a stack in the log, is a fault of ours. */
function refuseFaults(events: readonly AppEvent[], stderr: string): void {
  const failed = events.filter(
    (event) => event.event === "request" && event.status >= 500 && event.status !== 503,
  );
  const told = stderr
    .split("\n")
    .filter((line) => /^✗ \S+ failed: |^error: |^This is a bug|[Uu]nhandled/.test(line));
  if (failed.length + told.length === 0) return;
  throw new Error(`the program failed:\n${JSON.stringify(failed)}\n${told.join("\n")}`);
}

/** Codes, tokens and client secrets that we make are all of this form; none is ever to be printed. */
const MADE_SECRET = /(?<![\w-])[\w-]{43}(?![\w-])/;

function refuseSecrets(events: readonly AppEvent[], stderr: string): void {
  const told = [...stderr.split("\n"), ...events.map((event) => JSON.stringify(event))];
  const secret = told.find((line) => MADE_SECRET.test(line) || /Bearer [\w-]{16}/.test(line));
  if (secret !== undefined) throw new Error(`the program printed what looks like a secret: ${secret}`);
}

export interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs `mcp-expose …words` to its end; for what ends by itself. */
export async function runProgram(words: readonly string[], options: ProgramOptions = {}): Promise<Outcome> {
  using home = createHome();
  // The developer's own store stays out of it, whatever is in there.
  const given = options.env ?? {};
  const env = "HOME" in given ? given : { XDG_STATE_HOME: home.path, ...given };
  const child = spawnProgram(words, { ...options, env });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.deadline ?? DEADLINE);
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  return { exitCode, stdout, stderr };
}

function createHome() {
  const path = mkdtempSync(join(tmpdir(), "mcp-expose-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function spawnProgram(words: readonly string[], { env, cwd = ROOT, binary, stdin = "" }: ProgramOptions) {
  return Bun.spawn([...programWords(binary), ...words], {
    cwd,
    env: programEnvironment(env),
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** What a person would type as `mcp-expose`. */
export function programWords(binary?: string): string[] {
  return binary !== undefined ? [binary] : [process.execPath, "--no-env-file", join(ROOT, "src/main.ts")];
}

/** Our environment without a person's own: no ngrok account and no settings reach a test. */
export function programEnvironment(more: ProgramOptions["env"] = {}): Record<string, string | undefined> {
  const unset = { NGROK_AUTHTOKEN: undefined, XDG_RUNTIME_DIR: undefined };
  return { ...process.env, ...unset, HOME: tmpdir(), NO_COLOR: "1", ...more };
}

async function eachLine(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(take);
  }
  if (rest !== "") take(rest);
}

// Shared by the command-line tests: the real program as a process, in a folder of its own, with a bare environment.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MAIN = join(import.meta.dir, "../../src/main.ts");

export interface Folder extends AsyncDisposable {
  path: string;
  write(name: string, text: string): Promise<string>;
}

export async function createFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "mcp-expose-cli-"));
  return {
    path,
    write: async (name, text) => {
      await Bun.write(join(path, name), text);
      return join(path, name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  stdin?: string;
  /** The width of the terminal. */
  columns?: number;
}

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

export async function runProgram(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  await using home = await createFolder();
  const child = Bun.spawn([process.execPath, "--no-env-file", MAIN, ...args], {
    cwd: options.cwd ?? home.path,
    env: bareEnvironment(home.path, options.env),
    stdin: new Blob([options.stdin ?? ""]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { status: child.exitCode, stdout, stderr };
}

/** The screen, and how the program ended. */
export interface TerminalSession {
  screen: string;
  status: number | null;
  signal: string | null;
}

/** Runs the program on a terminal and types each answer once its question is there. */
export async function runOnTerminal(
  args: readonly string[],
  answers: readonly [question: string, keys: string][],
  options: RunOptions = {},
): Promise<TerminalSession> {
  await using home = await createFolder();
  const waiting = [...answers];
  const decoder = new TextDecoder();
  let screen = "";
  const child = Bun.spawn([process.execPath, "--no-env-file", MAIN, ...args], {
    cwd: options.cwd ?? home.path,
    env: bareEnvironment(home.path, options.env),
    terminal: {
      cols: options.columns ?? 80,
      data(terminal, data) {
        screen += decoder.decode(data, { stream: true });
        const [next] = waiting;
        if (next === undefined || !screen.includes(next[0])) return;
        waiting.shift();
        terminal.write(next[1]);
      },
    },
  });
  await child.exited;
  child.terminal?.close();
  return {
    screen,
    status: child.exitCode,
    signal: child.signalCode === null ? null : String(child.signalCode),
  };
}

function bareEnvironment(home: string, more: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: home, ...more };
}

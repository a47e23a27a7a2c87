// Starts open-ngrok.ts for a test and waits for what it tells.
import { join } from "node:path";
import type { NgrokOptions } from "../../src/tunnel/ngrok.ts";
import type { TunnelTarget } from "../../src/tunnel/tunnel.ts";

export interface NgrokArgument extends Omit<NgrokOptions, "log"> {
  target: TunnelTarget;
  /** What `process.platform` is made to say. */
  platform?: string;
  /** Makes the handler of `down` throw. */
  throwOnDown?: boolean;
}

export interface NgrokProcess {
  /** The next thing of this name that was told, however long ago. */
  next(event: string): Promise<Record<string, unknown>>;
  tell(line: string): void;
  /** Ends stdin, and the process with it; all that was written on stdout and stderr. */
  finish(): Promise<{ exitCode: number; output: string }>;
  /** For the end of a test, however it ended. */
  kill(): void;
}

const DEADLINE = 20_000;

export function startNgrok(argument: NgrokArgument): NgrokProcess {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "open-ngrok.ts"), JSON.stringify(argument)],
    {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const lines = readLines(child.stdout);
  const stderr = new Response(child.stderr).text();
  let output = "";
  const take = async () => {
    const { value, done } = await lines.next();
    if (done) return undefined;
    output += `${value}\n`;
    return JSON.parse(value) as Record<string, unknown>;
  };
  const waitFor = async (event: string) => {
    for (let line = await take(); line; line = await take()) if (line["event"] === event) return line;
    throw new Error(`no "${event}" was told: ${output}${await stderr}`);
  };
  return {
    next: (event) => within(DEADLINE, `no "${event}" in time`, waitFor(event)),
    tell(line) {
      void child.stdin.write(`${line}\n`);
      void child.stdin.flush();
    },
    async finish() {
      void child.stdin.end();
      while (await take());
      return { exitCode: await child.exited, output: output + (await stderr) };
    },
    kill: () => child.kill("SIGKILL"),
  };
}

/** Polls until `condition` holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + DEADLINE;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(10);
  }
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  return undefined;
}

async function within<T>(milliseconds: number, what: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(what)), milliseconds);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}

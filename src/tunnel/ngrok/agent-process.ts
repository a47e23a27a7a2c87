// Starts ngrok-agent.ts in a process of its own and passes on what it tells.
// What the addon itself writes to stdout or stderr goes to the log and no further.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { AgentOrder, AgentReport } from "./agent.ts";

/** How to start this same program as an agent. */
export interface AgentCommand {
  file: string;
  args: readonly string[];
  /** Must hold no secret: other processes of the person can read it. */
  env: Readonly<Record<string, string | undefined>>;
}

export interface AgentEvents {
  report(report: AgentReport): void;
  /** A line that is not the agent's own; it may contain the authtoken. */
  stray(line: string): void;
  /** The process is gone; `how` follows "it": `was killed by SIGKILL`. Called once, last. */
  gone(how: string): void;
}

export interface Agent {
  tell(order: AgentOrder): void;
  /** Lets it end by itself, which takes it milliseconds. */
  release(): void;
  kill(): void;
}

export function startAgent({ file, args, env }: AgentCommand, events: AgentEvents): Agent {
  const child = spawn(file, args, { env, stdio: ["pipe", "pipe", "pipe"], windowsHide: true });
  let isGone = false;
  const finish = (how: string) => {
    if (isGone) return;
    isGone = true;
    events.gone(how);
  };
  readLines(child.stdout, (line) => {
    const report = parseReport(line);
    if (report === undefined) events.stray(line);
    else if (!isGone) events.report(report);
  });
  readLines(child.stderr, events.stray);
  child.on("error", (error) => finish(`could not be started: ${error.message}`));
  child.on("close", (code, signal) =>
    finish(signal ? `was killed by ${signal}` : `ended with status ${code}`),
  );
  // Its end is told by "close"; writing to it meanwhile is nothing to be told.
  child.stdin.on("error", () => {});
  return {
    tell: (order) => void child.stdin.write(`${JSON.stringify(order)}\n`),
    release: () => void child.stdin.end(),
    kill: () => void child.kill("SIGKILL"),
  };
}

function readLines(stream: Readable, take: (line: string) => void): void {
  createInterface({ input: stream }).on("line", take);
}

function parseReport(line: string): AgentReport | undefined {
  if (!line.startsWith('{"report":')) return undefined;
  try {
    return JSON.parse(line) as AgentReport;
  } catch {
    return undefined;
  }
}

// Starts agent.ts in a process of its own and passes its reports on.
// The addon's own output to stdout and stderr goes to the log only.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { AgentRequest, AgentReport } from "./agent.ts";

/** How to start this same program as an agent. */
export interface AgentCommand {
  file: string;
  args: readonly string[];
  /** Must not hold a secret: other processes of the same user can read it. */
  env: Readonly<Record<string, string | undefined>>;
}

export interface AgentEvents {
  report(report: AgentReport): void;
  /** A line that is not a report; it may contain the authtoken. */
  otherOutput(line: string): void;
  /** The process has ended; `how` follows its name: `was killed by SIGKILL`. Called once, last. */
  exited(how: string): void;
}

export interface AgentProcess {
  send(request: AgentRequest): void;
  /** Closes its stdin, after which it ends by itself within milliseconds. */
  release(): void;
  kill(): void;
}

export function startAgent({ file, args, env }: AgentCommand, events: AgentEvents): AgentProcess {
  const child = spawn(file, args, { env, stdio: ["pipe", "pipe", "pipe"], windowsHide: true });
  let hasExited = false;
  const finish = (how: string) => {
    if (hasExited) return;
    hasExited = true;
    events.exited(how);
  };
  readLines(child.stdout, (line) => {
    const report = parseReport(line);
    if (report === undefined) events.otherOutput(line);
    else if (!hasExited) events.report(report);
  });
  readLines(child.stderr, events.otherOutput);
  child.on("error", (error) => finish(`could not be started: ${error.message}`));
  child.on("close", (code, signal) =>
    finish(signal ? `was killed by ${signal}` : `ended with status ${code}`),
  );
  // "close" reports its end; a failed write before that says nothing more.
  child.stdin.on("error", () => {});
  return {
    send: (request) => void child.stdin.write(`${JSON.stringify(request)}\n`),
    release: () => void child.stdin.end(),
    kill: () => void child.kill("SIGKILL"),
  };
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream }).on("line", onLine);
}

function parseReport(line: string): AgentReport | undefined {
  if (!line.startsWith('{"report":')) return undefined;
  try {
    return JSON.parse(line) as AgentReport;
  } catch {
    return undefined;
  }
}

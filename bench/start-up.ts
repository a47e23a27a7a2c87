// From the start of a process to the first tool call it has answered, milliseconds.
import { spawn } from "node:child_process";
import { ECHO, type Contender } from "./contenders.ts";
import { sessionCall } from "./mcp.ts";
import { interleave, median, type Effort } from "./sample.ts";

/** The server itself, without a bridge: what nobody can be faster than. */
export const BARE = "bare server";

/** @returns the median of each */
export async function measureStartUps(
  contenders: readonly Contender[],
  { rounds }: Effort,
): Promise<Record<string, number>> {
  const tasks = Object.fromEntries(
    contenders.map((contender) => [contender.name, () => timeBridge(contender)]),
  );
  // The first time fills caches of files, and gets ours its token.
  await interleave(1, tasks);
  const times = await interleave(rounds, { [BARE]: () => timeBare(), ...tasks });
  return Object.fromEntries(Object.entries(times).map(([name, each]) => [name, median(each)]));
}

async function timeBridge({ start }: Contender): Promise<number> {
  const begun = performance.now();
  const running = await start();
  const { url, headers } = running.first;
  const response = await fetch(url, { method: "POST", headers, body: sessionCall(2, "hello") });
  const text = await response.text();
  const time = performance.now() - begun;
  await running.stop();
  if (!text.includes("hello")) throw new Error(`${url} answered ${response.status} ${text}`);
  return time;
}

/** Milliseconds from the start of a server to its first answer. */
export async function timeBare([command, ...args]: readonly string[] = ECHO): Promise<number> {
  const begun = performance.now();
  const child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} })}\n`);
  child.stdin.write(`${sessionCall(2, "hello")}\n`);
  await new Promise<void>((resolve) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("hello")) resolve();
    });
  });
  const time = performance.now() - begun;
  child.stdin.end();
  await new Promise((resolve) => child.once("exit", resolve));
  return time;
}

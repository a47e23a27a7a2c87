#!/usr/bin/env bun
// The process: its words, its terminal, its signals, and the only exit.
// It starts itself once more as the ngrok agent, which a variable tells it: a word would take a name from a server.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { isHangupIgnored } from "../bin/hangup.js";
import { endWithParent } from "../bin/parent.js";
import { runCli } from "./cli/cli.ts";
import type { Output } from "./cli/io.ts";

const AGENT = "MCP_EXPOSE_AGENT";
/** Milliseconds for which text is gathered behind a write: a line for every request is a system call for every request. */
const GATHER = 10;

// Run by Bun alone we have the .env of the current folder in our environment: the launcher, beside src/ as beside
// dist/, replaces this process by one without.
const mayBeReplaced = process.execve !== undefined && process.platform !== "win32";
if (mayBeReplaced && !isCompiled() && !process.execArgv.includes("--no-env-file"))
  await import(join(import.meta.dir, "../bin/mcp-expose.js"));
const status = process.env[AGENT] === "ngrok" ? await runAgent() : await runProgram();
process.exit(status);

async function runAgent(): Promise<number> {
  const { runNgrokAgent } = await import("./tunnel/ngrok/agent.ts");
  await runNgrokAgent({
    stdin: process.stdin,
    write: openOutput(process.stdout).write,
    ignore: (signal) => void process.on(signal, () => {}),
  });
  return 0;
}

function runProgram(): Promise<number> {
  const isIgnored = isHangupIgnored();
  endWithParent(() => process.kill(process.pid, "SIGTERM"));
  return runCli({
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    platform: process.platform,
    execPath: process.execPath,
    agent: { file: process.execPath, args: agentArguments(), env: { [AGENT]: "ngrok" } },
    stdin: process.stdin,
    stdout: openOutput(process.stdout),
    stderr: openOutput(process.stderr),
    onSignal: (signal, handler) => {
      const listener = signal === "SIGHUP" && isIgnored ? () => {} : handler;
      process.on(signal, listener);
      return () => void process.off(signal, listener);
    },
    raise: (signal) => void process.kill(process.pid, signal),
    readText: (path) => readFile(path, "utf8"),
    now: Date.now,
    random: (bytes) => randomBytes(bytes),
  });
}

/** The compiled program is its own executable; otherwise it is a script, run with the same flags. The last word is for `ps`. */
function agentArguments(): string[] {
  return [...(isCompiled() ? [] : [...process.execArgv, Bun.main]), "ngrok-agent"];
}

function isCompiled(): boolean {
  return Bun.main.startsWith("/$bunfs/") || /^[A-Z]:[\\/]~BUN/i.test(Bun.main);
}

/**
 * What comes alone is written at once. Who pipes us into `head -1` wants the URL and a server that lives on:
 * a closed pipe is no reason to stop.
 */
function openOutput(stream: NodeJS.WriteStream): Output {
  let open = true;
  let gathered = "";
  let timer: Timer | undefined;
  const put = (text: string) => void (open && text !== "" && stream.write(text));
  const flush = () => {
    timer = gathered === "" ? undefined : setTimeout(flush, GATHER);
    put(gathered);
    gathered = "";
  };
  stream.on("error", () => (open = false));
  process.on("exit", () => put(gathered));
  return {
    write(text) {
      gathered += text;
      if (timer === undefined) flush();
    },
    isTTY: stream.isTTY ?? false,
    get columns() {
      // A terminal that does not know its width says 0.
      return (stream.isTTY && stream.columns) || undefined;
    },
  };
}

#!/usr/bin/env bun
// The process: its arguments, its terminal, its signals, and the only exit.
// It starts itself once more as the ngrok agent. A variable says so: an argument could be the name of a server.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";
import { isHangupIgnored } from "../bin/hangup.js";
import { endWithParent } from "../bin/parent.js";
import { runCli } from "./cli/cli.ts";
import { isForeground } from "./cli/foreground.ts";
import type { Output } from "./cli/io.ts";

const AGENT = "MCP_EXPOSE_AGENT";
/** Milliseconds for which output is buffered after a write: a line for every request would be a system call for each. */
const FLUSH_EVERY = 10;

// Without the launcher Bun has put the .env of the current folder into our environment. The launcher, beside src/ as beside
// dist/, replaces this process by one without it.
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
    stdin: { isTTY: isatty(0), open: () => process.stdin },
    stdout: openOutput(process.stdout),
    stderr: openOutput(process.stderr),
    onSignal: (signal, handler) => {
      const listener = signal === "SIGHUP" && isIgnored ? () => {} : handler;
      process.on(signal, listener);
      return () => void process.off(signal, listener);
    },
    raise: (signal) => void process.kill(process.pid, signal),
    raiseInGroup(signal) {
      // Windows has no process groups of this kind, and signals there end a process.
      if (process.platform === "win32") process.emit(signal, signal);
      else process.kill(0, signal);
    },
    isForeground: () => isForeground(process.pid, process.platform),
    readText: (path) => readFile(path, "utf8"),
    now: Date.now,
    random: (bytes) => randomBytes(bytes),
  });
}

/** The compiled program is its own executable; otherwise it is a script, run with the same flags. The last argument is for `ps`. */
function agentArguments(): string[] {
  return [...(isCompiled() ? [] : [...process.execArgv, Bun.main]), "ngrok-agent"];
}

function isCompiled(): boolean {
  return Bun.main.startsWith("/$bunfs/") || /^[A-Z]:[\\/]~BUN/i.test(Bun.main);
}

/**
 * Buffers output, but writes at once what comes alone. With `mcp-expose … | head -1` a person wants the URL and a server that
 * lives on, so a closed pipe is ignored.
 */
function openOutput(stream: NodeJS.WriteStream): Output {
  let open = true;
  let buffered = "";
  let timer: Timer | undefined;
  const put = (text: string) => void (open && text !== "" && stream.write(text));
  const flush = () => {
    timer = buffered === "" ? undefined : setTimeout(flush, FLUSH_EVERY);
    put(buffered);
    buffered = "";
  };
  stream.on("error", () => (open = false));
  process.on("exit", () => put(buffered));
  return {
    write(text) {
      buffered += text;
      if (timer === undefined) flush();
    },
    isTTY: stream.isTTY ?? false,
    get columns() {
      // A terminal that does not know its width says 0.
      return (stream.isTTY && stream.columns) || undefined;
    },
  };
}

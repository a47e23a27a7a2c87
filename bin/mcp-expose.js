#!/usr/bin/env -S node --
// Starts mcp-expose on Bun, whether or not the person has Bun: npm brings one as `@oven/bun-<platform>`.
// Plain JavaScript for Node 20. Bun runs the program itself with what is in the current folder kept out:
// no bunfig.toml (its `preload` is code), no .env, no packages fetched on the fly. The "--" above keeps Node from
// taking our `--env-file` for its own, wherever it stands (https://github.com/nodejs/node/issues/54255).
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants, devNull } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isHangupIgnored } from "./hangup.js";
import { endWithParent } from "./parent.js";

const FLAGS = ["--no-install", "--no-env-file", `--config=${devNull}`];
const HELP = `mcp-expose: no Bun for ${process.platform}-${process.arch} was found.
Install again without --omit=optional, or install Bun (https://bun.com) and put it on your PATH.
`;

const program = findProgram(dirname(dirname(fileURLToPath(import.meta.url))));
const isOnBun = process.versions.bun !== undefined;
if (isOnBun && FLAGS.every((flag) => process.execArgv.includes(flag))) {
  await import(pathToFileURL(program).href);
} else if (process.execve && process.platform !== "win32") {
  replace(isOnBun ? process.execPath : findWorking(findRuntimes()));
} else {
  start(findRuntimes());
}

/** The source in a checkout, which a bundle there may be older than, or the bundle of the package. */
function findProgram(root) {
  const source = join(root, "src", "main.ts");
  return existsSync(source) ? source : join(root, "dist", "cli.js");
}

/** Executables to try, best first. The `bun` package moves its platform's executable to its own folder. */
function findRuntimes() {
  const os = process.platform === "win32" ? "windows" : process.platform;
  const cpu = process.arch === "arm64" ? "aarch64" : process.arch;
  const file = process.platform === "win32" ? "bun.exe" : "bun";
  const packaged = [
    [`@oven/bun-${os}-${cpu}`, file],
    [`@oven/bun-${os}-${cpu}-musl`, file],
    ["bun", "bun.exe"],
  ].flatMap(([name, executable]) => {
    try {
      const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
      return [join(dirname(manifest), "bin", executable)];
    } catch {
      return [];
    }
  });
  return [...packaged.filter((path) => existsSync(path)), "bun"];
}

/** Becomes the program. */
function replace(runtime) {
  if (!runtime) return giveUp();
  process.execve(runtime, [runtime, ...FLAGS, program, ...process.argv.slice(2)], readEnvironment());
}

/** The path of the first runtime that starts; where the replacement of a process fails, Node aborts. */
function findWorking(runtimes) {
  for (const runtime of runtimes) {
    const probe = spawnSync(runtime, [...FLAGS, "--print", "process.execPath"], { encoding: "utf8" });
    if (probe.status === 0) return probe.stdout.trim();
  }
}

/** What we were started with: Bun has added the .env of the current folder to `process.env`. Linux alone can tell. */
function readEnvironment() {
  if (!isOnBun || !existsSync("/proc/self/environ")) return process.env;
  const entries = readFileSync("/proc/self/environ", "utf8").split("\0").filter(Boolean);
  return Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2)));
}

/** Runs the first runtime that starts at all, with us as its leash: one built for another libc does not start. */
function start([runtime, ...others]) {
  if (!runtime) return giveUp();
  const words = ["--no-orphans", ...FLAGS, program, ...process.argv.slice(2)];
  const child = spawn(runtime, words, { stdio: "inherit" });
  child.once("error", () => start(others));
  child.once("spawn", () => {
    passSignals(child);
    endWithParent(() => child.kill("SIGTERM"));
  });
}

function giveUp() {
  process.stderr.write(HELP);
  process.exitCode = 1;
}

/** A terminal gives Ctrl+C to the child as well, so it is passed on only where there is no terminal. */
function passSignals(child) {
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  const isIgnored = isHangupIgnored();
  process.on("SIGHUP", () => isIgnored || child.kill("SIGHUP"));
  child.once("exit", (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
    if (signal === null) return;
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

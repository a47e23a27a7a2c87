#!/usr/bin/env -S node --
// Starts mcp-expose on Bun, whether or not the person has Bun: npm brings one as `@oven/bun-<platform>`.
// Plain JavaScript for Node 20. Bun runs the program without the files of the current folder: no bunfig.toml (its `preload` is
// code), no .env, no packages installed on the fly. The "--" above keeps Node from taking our `--env-file` for its own,
// wherever it stands (https://github.com/nodejs/node/issues/54255).
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants, devNull } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isHangupIgnored } from "./hangup.js";
import { endWithParent } from "./parent.js";

const FLAGS = ["--no-install", "--no-env-file", `--config=${devNull}`];
const HELP = `mcp-expose: Bun for ${process.platform}-${process.arch} was not found.
Reinstall without --omit=optional, or install Bun (https://bun.com) and put it on your PATH.
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

/** The source in a checkout, where a bundle may be out of date; otherwise the bundle of the package. */
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

/** Replaces this process by the program. */
function replace(runtime) {
  if (!runtime) return giveUp();
  process.execve(runtime, [runtime, ...FLAGS, program, ...process.argv.slice(2)], readEnvironment());
}

/** The path of the first runtime that starts; it is tried first, because Node aborts if `execve` fails. */
function findWorking(runtimes) {
  for (const runtime of runtimes) {
    const probe = spawnSync(runtime, [...FLAGS, "--print", "process.execPath"], { encoding: "utf8" });
    if (probe.status === 0) return probe.stdout.trim();
  }
}

/** The environment at our start, without the .env of the current folder that Bun added; only Linux shows it. */
function readEnvironment() {
  if (!isOnBun || !existsSync("/proc/self/environ")) return process.env;
  const entries = readFileSync("/proc/self/environ", "utf8").split("\0").filter(Boolean);
  return Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2)));
}

/** Runs the first runtime that starts, and ends it with us: a runtime built for another libc does not start. */
function start([runtime, ...others]) {
  if (!runtime) return giveUp();
  const args = ["--no-orphans", ...FLAGS, program, ...process.argv.slice(2)];
  const child = spawn(runtime, args, { stdio: "inherit" });
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

/** A terminal sends Ctrl+C to the child as well, so SIGINT is passed on only without a terminal. */
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

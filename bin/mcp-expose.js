#!/usr/bin/env node
// Starts mcp-expose on Bun, whether or not the person has Bun: npm brings one as `@oven/bun-<platform>`.
// Plain JavaScript for Node 20. Bun runs the program itself with what is in the current folder kept out:
// no bunfig.toml (its `preload` is code), no .env, no packages fetched on the fly.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants, devNull } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const FLAGS = ["--no-orphans", "--no-install", "--no-env-file", `--config=${devNull}`];
const HELP = `mcp-expose: no Bun for ${process.platform}-${process.arch} was found.
Install again without --omit=optional, or install Bun (https://bun.com) and put it on your PATH.
`;

const program = findProgram(dirname(dirname(fileURLToPath(import.meta.url))));
if (process.versions.bun) await import(pathToFileURL(program).href);
else start(findRuntimes());

/** The bundle of the package, or the source in a checkout that has not been built. */
function findProgram(root) {
  const bundle = join(root, "dist", "cli.js");
  return existsSync(bundle) ? bundle : join(root, "src", "main.ts");
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

/** Runs the first runtime that starts at all: one built for another libc does not. */
function start([runtime, ...others]) {
  if (!runtime) {
    process.stderr.write(HELP);
    process.exitCode = 1;
    return;
  }
  const child = spawn(runtime, [...FLAGS, program, ...process.argv.slice(2)], { stdio: "inherit" });
  child.once("error", () => start(others));
  child.once("spawn", () => passSignals(child));
}

/** A terminal gives Ctrl+C to the child as well, so it is passed on only where there is no terminal. */
function passSignals(child) {
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  for (const name of ["SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
  child.once("exit", (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
    if (signal === null) return;
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

// Which server a grant is for: the folder it runs in and the program that is run. Environment is no part of it, and
// arguments are none where a path, a script or a package names the program, so that another option costs nobody a
// sign-in. But two servers must never be one by accident: of a command that only PATH knows, or that may run another
// that its words name, every word counts but plain switches.
import { hash } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { CommandSpec } from "./command.ts";
import { list, nameProgram, type Runner, RUNNER_PROGRAMS, RUNNERS } from "./runners.ts";

const LONGEST_RUNNER = 3;
/** Packages whose arguments say what is run, by a part of their names. */
const LAUNCHER_PARTS = new Set(
  list("node bun deno python ts tsx nodemon env dotenv dotenvx concurrently run runner exec").concat(
    list("cli inspector remote proxy bridge gateway supergateway fastmcp"),
  ),
);
const LAUNCHERS = new Set(["mcp"]);
const SCRIPT = /\.(?:[cm]?[jt]sx?|py)$/;

/**
 * @param target what the command's first word leads to: a file or a folder
 * @param cwd the folder the server runs in
 * @returns a fingerprint that is the same for the same server only
 */
export function identifyServer(spec: CommandSpec, target: string, cwd: string): string {
  return hash("sha256", JSON.stringify([findRealPath(cwd), ...identifyProgram(spec, target, cwd)]));
}

function identifyProgram(spec: CommandSpec, target: string, cwd: string): readonly string[] {
  const { command, args, folder, shell } = spec;
  if (shell) return ["shell", [command, ...args].join(" ")];
  const isFolder = statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const name = nameProgram(target);
  // The name that a program is called by may decide what it does.
  const place = isFolder || SCRIPT.test(target) ? findRealPath(target) : findRealFolder(target);
  const ran = isFolder ? undefined : identifyRun([name, ...args], place, cwd);
  if (ran !== undefined) return ran;
  return resolve(folder, command) === target ? [place] : [target, ...withoutSwitches(args)];
}

/** What a runner runs, of which `place` is the file; undefined when the first word is none. */
function identifyRun(args: readonly string[], place: string, cwd: string): readonly string[] | undefined {
  for (let length = LONGEST_RUNNER; length > 0; length--) {
    const runner = args.slice(0, length);
    const name = runner.join(" ");
    const kind = runner.length === length && Object.hasOwn(RUNNERS, name) ? RUNNERS[name] : undefined;
    if (kind === undefined) continue;
    const rest = args.slice(length);
    const { counted, program } = readOptions(rest, kind);
    const [arg] = program;
    const file = kind.names === "file" && arg !== undefined ? findFile(arg, cwd) : undefined;
    // A script is the same whatever runs it.
    if (file !== undefined) return counted.length === 0 ? [file] : [name, ...counted, file];
    // What else a word leads to, the runner decides: its folder has its modules.
    if (arg === undefined || kind.names === "file")
      return [place, ...runner.slice(1), ...withoutSwitches(rest)];
    return [name, ...counted, ...(kind.names === "image" ? program : identifyPackage(program, cwd))];
  }
  return undefined;
}

/** `program`: the word that names it and what follows; empty where that cannot be told. */
function readOptions(args: readonly string[], { switches, ignored, counted }: Runner) {
  const read: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (!arg.startsWith("-")) return { counted: read, program: args.slice(at) };
    const option = arg.split("=", 1)[0]!;
    const isWhole = arg.includes("=");
    if (switches.includes(option)) continue;
    if (!isWhole && !ignored.includes(option) && !counted.includes(option)) break;
    const value = isWhole ? [] : [args[++at] ?? ""];
    if (!ignored.includes(option)) read.push(arg, ...value);
  }
  return { counted: read, program: [] };
}

/** What one package is given is its own; what another is given says which program that runs. */
function identifyPackage([arg = "", ...rest]: readonly string[], cwd: string): readonly string[] {
  const bare = arg.replace(/(?<=.)(?:@|==)[\w.^~*+-]+$/, "");
  const isLauncher = LAUNCHERS.has(bare) || bare.split(/[^a-z]+/i).some((part) => LAUNCHER_PARTS.has(part));
  return isLauncher || rest.some((one) => namesProgram(one, cwd)) ? [bare, ...rest] : [bare];
}

/** Whether a word may say what to run: a file, an address, another runner, or that a command follows. */
function namesProgram(arg: string, cwd: string): boolean {
  const isCommand = arg === "--" || RUNNER_PROGRAMS.has(arg);
  return isCommand || arg.includes("://") || SCRIPT.test(arg) || findFile(arg, cwd) !== undefined;
}

function findFile(arg: string, cwd: string): string | undefined {
  const path = resolve(cwd, arg);
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? findRealPath(path) : undefined;
}

/** Words that stand for nothing but themselves, such as `--verbose`, name no program. */
function withoutSwitches(args: readonly string[]): readonly string[] {
  return args.filter((arg) => !/^(?:--[\w-]+|-\w)$/.test(arg));
}

/** The same place is reached by several names where links lead to it, or case makes no difference. */
function findRealPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

function findRealFolder(path: string): string {
  return join(findRealPath(dirname(path)), basename(path));
}

// Which server a grant is for: where it runs and the program that is run. Environment is no part of it, and arguments
// and an interpreter are none where a script, a path, a package or a command names the program, so that another option
// costs nobody a sign-in. But two servers must never be one by accident: of a program that may run another one that its
// words name, every word counts but plain switches.
import { hash } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { Command, CommandSpec } from "./command.ts";
import { hasSubcommand, isFile, isLauncher, mayRunAnother, SCRIPT } from "./launchers.ts";
import { nameProgram, type Runner, RUNNERS } from "./runners.ts";

const LONGEST_RUNNER = 3;

export interface ServerFolders {
  /** The folder that the server belongs to: the config file's if that names the server, else the one it runs in. */
  home: string;
  /** The folder that it runs in. */
  cwd: string;
}

/**
 * @param target what the command's first word leads to: a file or a folder
 * @returns a fingerprint that is the same for the same server only; words are hashed, since they may hold secrets
 */
export function fingerprintPlace(spec: CommandSpec, target: string, folders: ServerFolders): string {
  const [home, cwd] = [findRealPath(folders.home), findRealPath(folders.cwd)];
  return hash("sha256", JSON.stringify([home, ...identifyProgram(spec, target, cwd)]));
}

/** Equal for the same command line, arguments and interpreter included. */
export function fingerprintCommand({ file, args }: Pick<Command, "file" | "args">): string {
  return hash("sha256", JSON.stringify([file, ...args]));
}

/** Whatever only the folder it runs in tells apart is told with that folder. */
function identifyProgram(spec: CommandSpec, target: string, cwd: string): readonly string[] {
  const { command, args, folder, shell } = spec;
  if (shell) return ["shell", cwd, [command, ...args].join(" ")];
  if (SCRIPT.test(target) || statSync(target, { throwIfNoEntry: false })?.isDirectory())
    return [findRealPath(target)];
  const name = nameProgram(target);
  // The name that a program is called by may decide what it does.
  const place = findRealFolder(target);
  const ran = identifyRun([name, ...args], place, cwd);
  if (ran !== undefined) return ran;
  const isTyped = resolve(folder, command) === target;
  // A script with an ending of its own, such as `run.sh`, is somebody's server.
  const runsAnother = isTyped
    ? extname(name) === "" && isLauncher(name)
    : mayRunAnother(name, args, cwd) || hasSubcommand(args);
  return runsAnother ? [place, cwd, ...withoutSwitches(args)] : [place];
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
    if (kind.names === "file") {
      const isModule = kind.module !== undefined && counted.includes(kind.module);
      const file = arg === undefined || isModule ? undefined : findFile(arg, cwd);
      // A script is the same whatever runs it.
      if (file !== undefined) return counted.length === 0 ? [file] : [name, cwd, ...counted, file];
    }
    // What else a word leads to, the runner decides: its folder has its modules.
    const words =
      arg === undefined ? withoutSwitches(rest) : [...counted, ...identifyWords(program, kind, cwd)];
    const isByName = arg !== undefined && kind.names !== "file";
    return [...(isByName ? [name] : [place, ...runner.slice(1)]), cwd, ...words];
  }
  return undefined;
}

/** `program`: the word that names it and what follows; empty where that cannot be told. */
function readOptions(args: readonly string[], { switches, ignored, counted, module }: Runner) {
  const read: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (!arg.startsWith("-")) return { counted: read, program: args.slice(at) };
    if (arg === module) return { counted: [...read, arg], program: args.slice(at + 1) };
    const option = arg.split("=", 1)[0]!;
    const isWhole = arg.includes("=");
    if (switches.includes(option)) continue;
    if (!isWhole && !ignored.includes(option) && !counted.includes(option)) break;
    const value = isWhole ? [] : [args[++at] ?? ""];
    if (!ignored.includes(option)) read.push(arg, ...value);
  }
  return { counted: read, program: [] };
}

/** What a program is given is its own; what one is given that runs another says which program that is. */
function identifyWords(program: readonly string[], { names }: Runner, cwd: string): readonly string[] {
  const [arg = "", ...rest] = program;
  if (names === "image") return program;
  const bare = names === "package" ? arg.replace(/(?<=.)(?:@|==)[\w.^~*+-]+$/, "") : arg;
  return mayRunAnother(bare, rest, cwd) ? [bare, ...rest] : [bare];
}

function findFile(arg: string, cwd: string): string | undefined {
  const path = resolve(cwd, arg);
  return isFile(path) ? findRealPath(path) : undefined;
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

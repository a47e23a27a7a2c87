// Makes an argv of what a person typed, and a name of it that people recognize.
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { devNull } from "node:os";
import { basename, delimiter, dirname, extname, join, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { nameProgram, RUNNER_PROGRAMS } from "./runners.ts";

export interface Command {
  file: string;
  args: readonly string[];
  /** Added to the server's environment. */
  env: Readonly<Record<string, string>>;
  /** Windows: a batch file, which only the command shell can run. */
  viaShell: boolean;
  /** What is exposed, for people and for the approval page: `server-everything`. */
  name: string;
  /** The file or folder that the command's first word leads to. */
  target: string;
}

/** What was typed: see `ServerSpec` in the configuration. */
export interface CommandSpec {
  command: string;
  args: readonly string[];
  /** What a relative path in `command` starts from. */
  folder: string;
  literal: boolean;
  shell: boolean;
  /** A suggestion for the case that there is no such command. */
  meant?: string;
}

export interface CommandEnvironment {
  env: Readonly<Record<string, string | undefined>>;
  /** The program we run in: a Bun, or our own binary, which can act as one. */
  execPath: string;
  platform: NodeJS.Platform;
}

const JAVASCRIPT = new Set([".js", ".mjs", ".cjs"]);
const TYPESCRIPT = new Set([".ts", ".mts"]);

/**
 * Decides how the server is started. Looks at files and PATH, starts nothing.
 *
 * @throws {UserError} exit code 2: the file, folder or command does not exist, or cannot be run
 */
export function resolveCommand(spec: CommandSpec, environment: CommandEnvironment): Command {
  const name = nameOf(spec);
  if (spec.shell) {
    const line = [spec.command, ...spec.args].join(" ");
    const shell = shellStart(line, environment);
    return { ...shell, name, target: shell.file };
  }
  const { command, args, folder } = spec;
  if (spec.literal || !isPath(spec, environment)) {
    const found = pathStart(spec, environment);
    return { ...found, name, target: found.file };
  }
  if (/^https?:\/\//i.test(command))
    throw new UserError(
      `"${command}" is a URL, and mcp-expose runs servers that speak MCP over stdio.`,
      "Give the server's file or command, as in: mcp-expose ./server.js",
    );
  const path = resolve(folder, command);
  const known = { name: nameOf({ ...spec, command: path }), target: path };
  const stat = existsSync(path) ? statSync(path) : undefined;
  if (stat?.isDirectory()) return { ...folderStart(path, args, environment), ...known };
  if (stat?.isFile()) return { ...fileStart(path, args, environment), ...known };
  throw new UserError(`There is no file "${command}" in ${folder}.`, hintForMissing(spec));
}

/** A command on PATH takes precedence over a file of that name in the current folder, which may be another person's. */
function isPath({ command, folder }: CommandSpec, environment: CommandEnvironment): boolean {
  if (/[/\\]|^\.\.?$/.test(command) || hasScriptExtension(command)) return true;
  return findOnPath(command, environment) === undefined && isFolder(resolve(folder, command));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function hasScriptExtension(path: string): boolean {
  const extension = extname(path);
  return JAVASCRIPT.has(extension) || TYPESCRIPT.has(extension) || extension === ".py";
}

function hintForMissing({ command, folder }: CommandSpec): string {
  const sibling = [".js", ".ts", ".mjs", ".py"]
    .map((extension) => command.replace(/\.[^./\\]*$/, "") + extension)
    .find((candidate) => candidate !== command && existsSync(resolve(folder, candidate)));
  if (sibling !== undefined) return `Did you mean "${sibling}"?`;
  return "Give the path of your server, or a command after --, as in: mcp-expose -- npx -y my-server";
}

/** Bun alone would read the .env of its folder; a file that is not there in its place, as older Buns know it, too. */
const NO_ENV_FILE = [`--env-file=${devNull}`];

type Start = Omit<Command, "name" | "target">;

function fileStart(path: string, args: readonly string[], environment: CommandEnvironment): Start {
  const extension = extname(path);
  if (JAVASCRIPT.has(extension)) {
    const bun = findOnPath("bun", environment);
    const node = bun ?? findOnPath("node", environment);
    if (node === undefined) return ourselves(path, args, environment);
    return start(node, ...(bun === undefined ? [] : NO_ENV_FILE), path, ...args);
  }
  if (TYPESCRIPT.has(extension)) {
    const bun = findOnPath("bun", environment);
    return bun !== undefined ? start(bun, ...NO_ENV_FILE, path, ...args) : ourselves(path, args, environment);
  }
  if (extension === ".py") {
    const uv = findOnPath("uv", environment);
    if (uv !== undefined) return start(uv, "run", path, ...args);
    const python = findOnPath("python3", environment) ?? findOnPath("python", environment);
    if (python !== undefined) return start(python, "-u", path, ...args);
    throw new UserError(`"${path}" needs Python, and there is neither "uv" nor "python3" on PATH.`);
  }
  if (!isExecutable(path)) {
    throw new UserError(
      `"${path}" is not executable.`,
      `Run chmod +x "${path}", or name the program that runs it, as in: mcp-expose -- python3 "${path}"`,
    );
  }
  return start(path, ...args);
}

/** Bun acts on BUN_BE_BUN in every binary it has compiled, so a person with neither Bun nor Node can run a script. */
function ourselves(path: string, args: readonly string[], { execPath }: CommandEnvironment): Start {
  return { ...start(execPath, ...NO_ENV_FILE, path, ...args), env: { BUN_BE_BUN: "1" } };
}

function folderStart(folder: string, args: readonly string[], environment: CommandEnvironment): Start {
  const entry = readEntry(folder);
  if (entry === undefined) {
    throw new UserError(
      `"${folder}" has no package.json with a "bin" or "main".`,
      "Name the server's file instead, as in: mcp-expose ./server.js",
    );
  }
  const path = resolve(folder, entry);
  if (!existsSync(path)) {
    throw new UserError(
      `package.json in "${folder}" names "${entry}", which does not exist.`,
      "Build the server first?",
    );
  }
  if (hasScriptExtension(path) || isExecutable(path)) return fileStart(path, args, environment);
  return ourselves(path, args, environment);
}

function readEntry(folder: string): string | undefined {
  let manifest: { bin?: unknown; main?: unknown };
  try {
    manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as typeof manifest;
  } catch {
    return undefined;
  }
  const { bin, main } = manifest;
  if (typeof bin === "string") return bin;
  const first = typeof bin === "object" && bin !== null ? (Object.values(bin) as unknown[])[0] : undefined;
  if (typeof first === "string") return first;
  return typeof main === "string" ? main : undefined;
}

function pathStart({ command, args, folder, meant }: CommandSpec, environment: CommandEnvironment): Start {
  const file = findOnPath(command, environment, folder);
  if (file !== undefined) return start(file, ...args);
  const near = existsSync(resolve(folder, command)) ? `./${command}` : meant;
  throw new UserError(
    `There is no command "${command}" on PATH.`,
    near === undefined ? "Install it, or give the path of your server's file." : `Did you mean "${near}"?`,
  );
}

function start(file: string, ...args: string[]): Start {
  return { file, args, env: {}, viaShell: /\.(?:cmd|bat)$/i.test(file) };
}

function shellStart(line: string, { platform, env }: CommandEnvironment): Start {
  const windows = platform === "win32";
  return windows ? start(env["ComSpec"] ?? "cmd.exe", "/d", "/s", "/c", line) : start("/bin/sh", "-c", line);
}

/** @param folder what a command with a slash in it starts from */
function findOnPath(
  command: string,
  { env, platform }: CommandEnvironment,
  folder = "/",
): string | undefined {
  const windows = platform === "win32";
  const endings = windows && extname(command) === "" ? (env["PATHEXT"] ?? ".EXE;.CMD;.BAT").split(";") : [""];
  const isPath = command.includes("/") || (windows && command.includes("\\"));
  const places = isPath ? [folder] : (env["PATH"] ?? env["Path"] ?? "").split(delimiter).filter(Boolean);
  return places
    .flatMap((place) => endings.map((ending) => resolve(place, command + ending)))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const SUBCOMMANDS = new Set(["run", "exec", "dlx", "x", "tool"]);
const SCRIPT_ENDING = /\.[cm]?[jt]s$|\.py$/;
const GENERIC = new Set(["index", "server", "main", "cli", "dist", "build", "src", "bin", "app", "."]);

/** `npx -y @acme/server-files@1.2 /tmp` is called `server-files`; `./weather/dist/index.js` is called `weather`. */
function nameOf({ command, args, folder }: CommandSpec): string {
  const runner = RUNNER_PROGRAMS.has(nameProgram(command));
  const chosen = runner
    ? (args.find((arg) => !arg.startsWith("-") && !SUBCOMMANDS.has(arg)) ?? command)
    : command;
  // Behind a runner a script may be all there is: `node server.js` is called what its folder is.
  const path = (runner && SCRIPT_ENDING.test(chosen) ? resolve(folder, chosen) : chosen).replaceAll(
    "\\",
    "/",
  );
  if (/^@[^/]+\/[^/]+$/.test(path)) return path.split("/")[1]!.replace(/@.*$/, "");
  for (let at = path; at !== "" && at !== "/" && at !== "."; at = dirname(at)) {
    const name = basename(at)
      .replace(SCRIPT_ENDING, "")
      .replace(/[@:].*$/, "");
    if (name !== "" && !GENERIC.has(name) && !name.startsWith("..")) return name;
  }
  return basename(path) || "server";
}

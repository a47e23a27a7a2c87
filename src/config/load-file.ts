// Finds mcp-oauth.config.* and loads it, TypeScript included, also from the compiled binary.
// Loading runs the person's code: an error in it is reported with its file and line, never with a stack.
// The file is opened once, and the bytes that were checked are the ones that run: its name is not looked up again.
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { settlesWithin } from "../deadline.ts";
import { messageOf, UserError } from "../errors.ts";
import { NAME } from "../version.ts";
import { checkFile } from "./check-file.ts";
import { type ConfigFile, defineConfig } from "./define-config.ts";

/** A config file's content, its keys checked, its values still as written. */
export interface LoadedFile {
  /** As people would name it: relative to the current folder. */
  name: string;
  /** What relative paths in it start from, absolute. */
  folder: string;
  values: ConfigFile;
}

export const FILE_NAMES = ["ts", "mts", "js", "mjs", "json"].map((ending) => `mcp-oauth.config.${ending}`);

const DEADLINE = 10_000;

/** The config file of `folder` or of the nearest folder above it that has one; not yet opened. */
export function findConfigFile(folder: string): string | undefined {
  const found = FILE_NAMES.map((name) => join(folder, name)).find((path) => existsSync(path));
  const parent = dirname(folder);
  return found ?? (parent === folder ? undefined : findConfigFile(parent));
}

/**
 * @param path absolute
 * @param cwd the folder that its name in messages is relative to
 * @param deadline milliseconds the file's own code may take
 * @param isFound no option has named it, so it must be the person's own
 * @throws {UserError} the file is missing or broken, belongs to another user, or has an unknown key
 */
export async function loadConfigFile(
  path: string,
  cwd: string,
  deadline = DEADLINE,
  isFound = false,
): Promise<LoadedFile> {
  const name = relative(cwd, path) || path;
  const text = readOnce(path, name, isFound);
  provideModules(path, text);
  const importing = importConfig(path, text, name);
  if (!(await settlesWithin(importing, deadline)))
    throw new UserError(
      `${name} has not finished loading after ${deadline / 1000} s.`,
      "Look for an await that never ends.",
    );
  return { name, folder: dirname(path), values: checkFile(await importing, name) };
}

function readOnce(path: string, name: string, isFound: boolean): string {
  const descriptor = open(path, name);
  try {
    if (isFound) checkOwner(descriptor, path);
    return readFileSync(descriptor, "utf8");
  } catch (thrown) {
    throw thrown instanceof UserError ? thrown : toLoadError(name, "", thrown);
  } finally {
    closeSync(descriptor);
  }
}

function open(path: string, name: string): number {
  try {
    // Opening a pipe would wait until another program writes into it.
    return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw toLoadError(name, "", thrown);
    throw new UserError(`There is no config file "${name}".`, `Its usual name is ${FILE_NAMES[0]}.`);
  }
}

/** A config file is a program: one that another user owns or can change must not run only because it was found. */
function checkOwner(descriptor: number, path: string): void {
  const { uid, mode } = fstatSync(descriptor);
  const own = process.getuid?.();
  if (own === undefined) return;
  const hint = `If you trust it, use --config "${path}"`;
  if (uid !== own && uid !== 0)
    throw new UserError(`The config file "${path}" belongs to another user and would run as you.`, hint);
  if ((mode & constants.S_IWOTH) !== 0)
    throw new UserError(
      `The config file "${path}" can be changed by every user of this machine and would run as you.`,
      `Protect it with chmod o-w. ${hint}`,
    );
}

/**
 * Lets the file import `defineConfig` from us wherever it lies, whether or not we are installed there, and serves the
 * text that was read in place of the file.
 */
function provideModules(path: string, text: string): void {
  const loader = /^\.[cm]?js$/.test(extname(path)) ? "js" : "ts";
  Bun.plugin({
    name: NAME,
    setup(build) {
      build.module(NAME, () => ({ exports: { defineConfig }, loader: "object" }));
      build.module(path, () => ({ contents: text, loader }));
    },
  });
}

async function importConfig(path: string, text: string, name: string): Promise<unknown> {
  try {
    const module: unknown = path.endsWith(".json") ? await importJson(text) : await import(path);
    return (module as { default?: unknown }).default;
  } catch (thrown) {
    throw toLoadError(name, placeOf(thrown, path), thrown);
  }
}

/** JSON with comments, as in tsconfig.json; imported, since only an import reports the line of a mistake. */
async function importJson(text: string): Promise<unknown> {
  const url = URL.createObjectURL(new Blob([text]));
  try {
    return await import(url, { with: { type: "jsonc" } });
  } finally {
    URL.revokeObjectURL(url);
  }
}

function toLoadError(name: string, place: string, thrown: unknown): UserError {
  return new UserError(
    `${name}${place} cannot be loaded: ${firstLine(messageOf(thrown))}`,
    "Correct the file and start again.",
  );
}

/** `:3:6` when it is known where in the file it went wrong: from the parser, else from the stack. */
function placeOf(thrown: unknown, path: string): string {
  const { position, stack } = (Object(thrown) ?? {}) as {
    position?: { line: number; column: number } | null;
    stack?: string;
  };
  if (position) return `:${position.line}:${position.column}`;
  const [, rest] = String(stack).split(`${path}:`);
  return rest === undefined ? "" : `:${/^\d+(:\d+)?/.exec(rest)?.[0] ?? ""}`;
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? text;
}

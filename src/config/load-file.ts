// Finds mcp-oauth.config.* and loads it, TypeScript included, also from the compiled binary.
// Loading runs the person's code: whatever goes wrong in there is told with its file and line, never with a stack.
import { existsSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { messageOf, UserError } from "../errors.ts";
import { NAME } from "../version.ts";
import { checkFile } from "./check-file.ts";
import { type ConfigFile, defineConfig } from "./define-config.ts";

/** A config file's content, its keys checked, its values still as written. */
export interface LoadedFile {
  /** As people would name it: relative to where they are. */
  name: string;
  /** What relative paths in it start from, absolute. */
  folder: string;
  values: ConfigFile;
}

export const FILE_NAMES = ["ts", "mts", "js", "mjs", "json"].map((ending) => `mcp-oauth.config.${ending}`);

const DEADLINE = 10_000;

/** The config file of `folder` or of the nearest folder above it that has one. */
export function findConfigFile(folder: string): string | undefined {
  const found = FILE_NAMES.map((name) => join(folder, name)).find((path) => existsSync(path));
  if (found !== undefined) refuseStrangers(found);
  const parent = dirname(folder);
  return found ?? (parent === folder ? undefined : findConfigFile(parent));
}

/** A config file is a program: one that another user has put in our way does not run for having been found. */
function refuseStrangers(path: string): void {
  const { uid } = statSync(path);
  const own = process.getuid?.();
  if (own === undefined || uid === own || uid === 0) return;
  throw new UserError(
    `The config file "${path}" belongs to another user, and would run as you.`,
    `If you trust it, name it: --config "${path}"`,
  );
}

/**
 * @param path absolute
 * @param cwd what the name in messages is relative to
 * @param deadline milliseconds the file's own code may take
 * @throws {UserError} the file is missing, broken, or says something we do not know
 */
export async function loadConfigFile(path: string, cwd: string, deadline = DEADLINE): Promise<LoadedFile> {
  const name = relative(cwd, path) || path;
  if (!existsSync(path))
    throw new UserError(`There is no config file "${name}".`, `Its usual name is ${FILE_NAMES[0]}.`);
  provideOurselves();
  const exported = await withDeadline(importConfig(path, name), deadline, name);
  return { name, folder: dirname(path), values: checkFile(exported, name) };
}

/** Lets the file import `defineConfig` from us wherever it lies, whether or not we are installed there. */
function provideOurselves(): void {
  Bun.plugin({
    name: NAME,
    setup: (build) => void build.module(NAME, () => ({ exports: { defineConfig }, loader: "object" })),
  });
}

async function importConfig(path: string, name: string): Promise<unknown> {
  try {
    // JSON with comments, as in tsconfig.json; imported, since only that tells the line of a mistake.
    const module: unknown = path.endsWith(".json")
      ? await import(path, { with: { type: "jsonc" } })
      : await import(path);
    return (module as { default?: unknown }).default;
  } catch (thrown) {
    const place = placeOf(thrown, path);
    throw new UserError(
      `${name}${place} cannot be loaded: ${firstLine(messageOf(thrown))}`,
      "Correct the file and start again.",
    );
  }
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

async function withDeadline<T>(work: Promise<T>, deadline: number, name: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new UserError(
            `${name} has not finished loading after ${deadline / 1000} s.`,
            "Look for an await that never ends.",
          ),
        ),
      deadline,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

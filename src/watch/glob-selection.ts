// The files that globs name, and no others. A glob without a wildcard is a file, or a folder with everything in it.
import { resolve } from "node:path";
import { Glob } from "bun";
import { isTemporaryFile } from "./left-out.ts";
import { stepsFrom, toRealPath } from "./paths.ts";
import type { FileSelection } from "./selection.ts";

export interface WatchedGlob {
  /** As it was written, with `/` between its parts. */
  pattern: string;
  /** What it starts from, absolute. */
  folder: string;
}

const WILDCARD = /[*?[\]{}]/;
/** Looked into only by a glob that names them. */
const CLOSED_FOLDERS = ["node_modules", ".git"];

export function selectGlob({ pattern, folder }: WatchedGlob): FileSelection {
  const parts = pattern.split("/");
  const wild = parts.findIndex((part) => WILDCARD.test(part));
  const plain = wild < 0 ? parts : parts.slice(0, wild);
  // An empty first part is the root of the file system.
  const root = toRealPath(resolve(folder, pattern.startsWith("/") ? "/" : ".", ...plain.filter(Boolean)));
  const rest = wild < 0 ? undefined : parts.slice(wild).join("/");
  const glob = rest === undefined ? undefined : new Glob(rest);
  const depth = rest === undefined || /\*\*|\{[^}]*\//.test(rest) ? Infinity : rest.split("/").length;
  const closed = CLOSED_FOLDERS.filter((name) => !parts.includes(name));

  return {
    roots: [root],
    name: pattern,
    leavesOut(path, isFolder) {
      const steps = stepsFrom(root, path);
      if (steps.length === 0) return false;
      if (steps[0] === ".." || steps.some((step) => closed.includes(step))) return true;
      if (isTemporaryFile(steps.at(-1)!)) return true;
      if (isFolder === undefined) return false;
      return isFolder ? steps.length >= depth : glob?.match(steps.join("/")) === false;
    },
    isRule: () => false,
    reload: () => {},
  };
}

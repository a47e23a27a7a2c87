// What Git leaves out of a folder: the .gitignore files in it and above it, as far up as its repository reaches
// (https://git-scm.com/docs/gitignore). Each is read when the first path below it is asked for.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ignore, { type Ignore } from "ignore";
import { isWithin, stepsFrom } from "./paths.ts";

export const GITIGNORE = ".gitignore";

export interface Gitignore {
  /** The files above the folder that count. */
  readonly above: readonly string[];
  /** @param path in the folder; the folders on the way to it are not left out */
  leavesOut(path: string, isFolder: boolean): boolean;
  reload(): void;
}

export function createGitignore(root: string): Gitignore {
  const read = new Map<string, Ignore | undefined>();
  const rulesOf = (folder: string) => {
    if (!read.has(folder)) read.set(folder, readRules(folder));
    return read.get(folder);
  };
  /** The nearest file that says anything of the path decides. */
  const leavesOut = (path: string, isFolder: boolean, top: string) => {
    for (let folder = dirname(path); isWithin(top, folder); folder = dirname(folder)) {
      const verdict = rulesOf(folder)?.test(`${stepsFrom(folder, path).join("/")}${isFolder ? "/" : ""}`);
      if (verdict?.ignored) return true;
      if (verdict?.unignored || folder === top) return false;
    }
    return false;
  };
  const repository = findRepository(root);
  // Who runs a server in a folder that Git leaves out does mean that folder.
  const isLeftOut = foldersBetween(repository, root).some((folder) => leavesOut(folder, true, repository));
  const top = isLeftOut ? root : repository;
  return {
    above: foldersBetween(top, root)
      .map((folder) => join(dirname(folder), GITIGNORE))
      .filter((file) => existsSync(file)),
    leavesOut: (path, isFolder) => leavesOut(path, isFolder, top),
    reload: () => read.clear(),
  };
}

/** Every folder below `top` on the way to `folder`, which is the last one. */
function foldersBetween(top: string, folder: string): string[] {
  const steps = stepsFrom(top, folder);
  return steps.map((_, index) => join(top, ...steps.slice(0, index + 1)));
}

function findRepository(root: string): string {
  for (let folder = root; ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return folder;
    if (folder === dirname(folder)) return root;
  }
}

function readRules(folder: string): Ignore | undefined {
  try {
    return ignore().add(readFileSync(join(folder, GITIGNORE), "utf8"));
  } catch {
    return undefined;
  }
}

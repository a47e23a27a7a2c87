// Where a server's source lies when nobody has said it: the project of the file that is run, else the current folder. That
// is where `nodemon` and `vite` look, too. Nobody's whole home folder is a project, whatever file lies in it.
import { existsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { isWithin, toRealPath } from "./paths.ts";

const PROJECT_FILES = ["package.json", "pyproject.toml"];

export interface ServerPlace {
  folder: string;
  /** The folders in it do not count. */
  isShallow: boolean;
  /** The files that are run, as far as they are known. */
  files: readonly string[];
}

export interface ServerWords {
  /** The file or folder that the command names; undefined for a program on PATH and for a line of the shell. */
  path: string | undefined;
  /** The words of the command, of which some may be files. */
  words: readonly string[];
  /** The folder that the server runs in, absolute. */
  cwd: string;
  /** The person's home folder. */
  home: string;
}

export function findServerPlace({ path, words, cwd, home }: ServerWords): ServerPlace {
  const shared = [home, tmpdir()].map(toRealPath);
  const isShared = (folder: string) => folder === dirname(folder) || shared.includes(folder);
  const named = path === undefined ? undefined : toRealPath(path);
  const own = named === undefined ? toRealPath(cwd) : isFile(named) ? dirname(named) : named;
  const folder = named === undefined ? own : (findProject(own, isShared) ?? own);
  const files = [...(path === undefined ? [] : [path]), ...words.map((word) => resolve(cwd, word))]
    .filter(isFile)
    .map(toRealPath)
    .filter((file) => file === named || isWithin(folder, file));
  return { folder, isShallow: isShared(folder), files: [...new Set(files)] };
}

function findProject(start: string, isShared: (folder: string) => boolean): string | undefined {
  for (let folder = start; !isShared(folder); folder = dirname(folder))
    if (PROJECT_FILES.some((name) => existsSync(join(folder, name)))) return folder;
  return undefined;
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// The files of a server's own folder: all of them but what Git leaves out, what a build writes, and caches. A server that
// runs from `dist/` is the exception: then the build is what changes.
import { basename, dirname, join } from "node:path";
import { createGitignore, GITIGNORE, type Gitignore } from "./gitignore.ts";
import { isBuildFolder, isCacheFolder, isDataFile, isTemporaryFile } from "./left-out.ts";
import { isWithin, stepsFrom, toRealPath } from "./paths.ts";
import type { FileSelection } from "./selection.ts";
import type { ServerPlace } from "./server-place.ts";

/** @param store the file that we write ourselves; undefined if there is none */
export function selectFolder(place: ServerPlace, store: string | undefined): FileSelection {
  const { folder, isShallow, files } = place;
  const gitignore = createGitignore(folder);
  const { above } = gitignore;
  const own = store === undefined ? undefined : findOwnFiles(toRealPath(store), place);
  const leavesOutAnyway = (path: string) =>
    stepsFrom(folder, path).some(isCacheFolder) || (own?.(path) ?? false);
  const findKept = () =>
    files.flatMap((file) => (leavesOutAnyway(file) ? [] : findOutermost(file, folder, gitignore)));
  let kept = findKept();

  return {
    roots: [folder, ...files.filter((file) => !isWithin(folder, file)), ...above],
    name: folder,
    leavesOut(path, isFolder) {
      const name = basename(path);
      if (path === folder || files.includes(path)) return false;
      if (!isWithin(folder, path)) return !above.includes(path);
      if (isTemporaryFile(name) || leavesOutAnyway(path)) return true;
      if (isFolder === undefined || name === GITIGNORE) return false;
      if (isFolder ? isShallow : isDataFile(name)) return true;
      if (kept.some((one) => isWithin(one, path) || isWithin(path, one))) return false;
      return (isFolder && isBuildFolder(name)) || gitignore.leavesOut(path, isFolder);
    },
    isRule: (path) => basename(path) === GITIGNORE,
    reload() {
      gitignore.reload();
      kept = findKept();
    },
  };
}

/** Whether a path is ours: the store's folder where that has nothing else, otherwise the store and its journals. */
function findOwnFiles(store: string, { folder, files }: ServerPlace): (path: string) => boolean {
  const storeFolder = dirname(store);
  const isSource = isWithin(storeFolder, folder) || files.some((file) => isWithin(storeFolder, file));
  return isSource ? (path) => path.startsWith(store) : (path) => isWithin(storeFolder, path);
}

/** The outermost folder on the way to a file that would be left out, if there is one: it is watched. */
function findOutermost(file: string, folder: string, gitignore: Gitignore): string[] {
  const steps = stepsFrom(folder, file);
  for (let count = 1; count <= steps.length; count++) {
    const path = join(folder, ...steps.slice(0, count));
    const isFolder = count < steps.length;
    if ((isFolder && isBuildFolder(basename(path))) || gitignore.leavesOut(path, isFolder)) return [path];
  }
  return [];
}

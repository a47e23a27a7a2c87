// The files below a folder, as they are now. chokidar reads a new folder before it watches it; a file that comes between
// the two is found here.
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** A folder that cannot be read, or is gone, has none. */
export async function findFilesBelow(
  folder: string,
  leavesOut: (path: string, isFolder: boolean) => boolean,
): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readFolder(folder)) {
    const path = join(folder, entry.name);
    const isFolder = entry.isDirectory();
    if (leavesOut(path, isFolder)) continue;
    if (isFolder) files.push(...(await findFilesBelow(path, leavesOut)));
    else files.push(path);
  }
  return files;
}

async function readFolder(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

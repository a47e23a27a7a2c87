// Paths as they are compared: without links, since file events name the real place.
import { realpathSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";

/** Without links as far as it exists; the rest of it stays as it is. */
export function toRealPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : join(toRealPath(above), basename(path));
  }
}

/** Whether `path` is `folder` or lies in it. */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** The names that lead from `folder` to a path in it. */
export function stepsFrom(folder: string, path: string): string[] {
  const way = relative(folder, path);
  return way === "" ? [] : way.split(sep);
}

// What the watched files were when they were last looked at, so that an event can be held against it: a file that was only
// touched, or saved as it was, has not changed. Contents are read when an event comes, never ahead of one.
import { hash } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";

/** What is compared of a file without reading it. */
export interface FileStamp {
  size: number;
  mtimeMs: number;
}

export interface Snapshot {
  paths(): string[];
  has(path: string): boolean;
  /** Takes a file as it is for known. */
  record(path: string, stamp: FileStamp): void;
  forget(path: string): void;
  /** Whether the file is known and looks as it did; reads nothing. */
  looksSame(path: string, stamp: FileStamp): boolean;
  /** Looks at each file again; the paths of those that have changed, appeared or gone. */
  update(paths: readonly string[]): Promise<string[]>;
}

interface Known extends FileStamp {
  /** Of a small file that an event was about. */
  contentHash?: string;
}

/** Larger files are compared by size and time alone. */
const SMALL = 1_000_000;

export function createSnapshot(): Snapshot {
  const known = new Map<string, Known>();
  const looksSame = (path: string, { size, mtimeMs }: FileStamp) => {
    const old = known.get(path);
    return old?.size === size && old.mtimeMs === mtimeMs;
  };
  const hasChanged = async (path: string) => {
    const before = known.get(path);
    const now = await readStamp(path);
    if (now === undefined) return known.delete(path);
    const isSame = looksSame(path, now);
    const contentHash = now.size < SMALL ? await readHash(path) : undefined;
    known.set(path, { ...now, ...(contentHash !== undefined && { contentHash }) });
    if (before?.contentHash === undefined || contentHash === undefined) return !isSame;
    return before.contentHash !== contentHash;
  };
  return {
    paths: () => [...known.keys()],
    has: (path) => known.has(path),
    record: (path, { size, mtimeMs }) => known.set(path, { size, mtimeMs }),
    forget: (path) => void known.delete(path),
    looksSame,
    async update(paths) {
      const changed: string[] = [];
      for (const path of paths) if (await hasChanged(path)) changed.push(path);
      return changed.sort();
    },
  };
}

/** Of a file, or of a link, which is not followed; undefined for what is neither, or is gone. */
async function readStamp(path: string): Promise<FileStamp | undefined> {
  try {
    const stats = await lstat(path);
    if (stats.isDirectory()) return undefined;
    return { size: stats.size, mtimeMs: stats.mtimeMs };
  } catch {
    return undefined;
  }
}

async function readHash(path: string): Promise<string | undefined> {
  try {
    return hash("sha256", await readFile(path));
  } catch {
    return undefined;
  }
}

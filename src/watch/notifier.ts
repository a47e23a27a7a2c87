// File events, by chokidar: the one file that knows it. A notifier sees the tree once from end to end, and then what
// happens in it; file-watch.ts decides what that means.
import { existsSync } from "node:fs";
import { basename, join, normalize } from "node:path";
import { type FSWatcher, watch } from "chokidar";
import type { FileStamp } from "./snapshot.ts";

export interface NotifierOptions {
  /** Those that are not there are left to others. */
  roots: readonly string[];
  leavesOut(path: string, isFolder: boolean | undefined): boolean;
  /** Looks at every file again and again, for file systems that have no events. */
  polls: boolean;
  /** A file was found on the first way through. */
  onFound(path: string, stamp: FileStamp): void;
  /** Something happened to a file. */
  onEvent(path: string): void;
  onFolderAdded(path: string): void;
  /** A folder has another one in its place, perhaps: what is below it may no longer be seen. */
  onFolderMoved(path: string): void;
  onError(error: NodeJS.ErrnoException): void;
}

export interface Notifier {
  /** Resolves when the whole tree has been seen. */
  readonly ready: Promise<void>;
  /** Watches files that it has missed. */
  add(files: readonly string[]): void;
  close(): Promise<void>;
}

/** Between two looks at a file that is polled, in milliseconds. */
const POLL_INTERVAL = 500;

export function openNotifier(options: NotifierOptions): Notifier {
  const { roots, leavesOut, polls, onFound, onEvent, onFolderAdded, onFolderMoved, onError } = options;
  const folders = new Set<string>();
  const ready = Promise.withResolvers<void>();
  let isReady = false;
  // chokidar says that it is ready too soon when one of several is not there, and never when there is none.
  const present = roots.filter((root) => existsSync(root));
  const watcher: FSWatcher = watch(present, {
    ignored: (path, stats) => leavesOut(normalize(path), stats?.isDirectory()),
    ignorePermissionErrors: true,
    // A link that leads upwards has no end; what it leads to is watched where it lies.
    followSymlinks: false,
    // A batch of our own waits for the end of a save.
    atomic: false,
    interval: POLL_INTERVAL,
    binaryInterval: POLL_INTERVAL,
    ...(polls && { usePolling: true }),
  });
  watcher.on("add", (path, stats) => {
    if (isReady || stats === undefined) onEvent(path);
    else onFound(path, stats);
  });
  watcher.on("change", onEvent);
  watcher.on("unlink", onEvent);
  watcher.on("addDir", (path) => {
    folders.add(path);
    if (isReady) onFolderAdded(path);
  });
  watcher.on("unlinkDir", (path) => folders.delete(path));
  // A folder that is removed and made again within a moment is still the old one for chokidar, and no longer seen.
  watcher.on("raw", (event, name, details) => {
    const { watchedPath } = details as { watchedPath?: string };
    if (event !== "rename" || !name || watchedPath === undefined) return;
    const path = join(watchedPath, basename(name));
    if (folders.has(path)) onFolderMoved(path);
  });
  watcher.on("error", (error) => onError(error as NodeJS.ErrnoException));
  const begin = () => {
    isReady = true;
    ready.resolve();
  };
  watcher.once("ready", begin);
  if (present.length === 0) begin();
  return {
    ready: ready.promise,
    add: (files) => void watcher.add([...files]),
    async close() {
      ready.resolve();
      await watcher.close();
    },
  };
}

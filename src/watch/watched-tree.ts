// The tree of selected files with a notifier on it. A new notifier takes the place of one that has become blind, and one that
// polls the place of one that gets no events.
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { printable } from "../printable.ts";
import { hasFileEvents } from "./event-support.ts";
import { type Notifier, openNotifier } from "./notifier.ts";
import type { FileSelection } from "./selection.ts";
import type { FileStamp } from "./snapshot.ts";

export interface WatchedTreeOptions {
  selections: readonly FileSelection[];
  polls?: boolean;
  log: Pick<Log, "info" | "warn" | "debug">;
  onEvent(path: string): void;
  onFolderAdded(path: string): void;
  onFolderMoved(path: string): void;
}

export interface WatchedTree {
  readonly roots: readonly string[];
  leavesOut(path: string, isFolder: boolean | undefined): boolean;
  /** Looks at the whole tree, now and whenever a part of it may be watched no longer. @returns the files there are */
  look(): Promise<ReadonlyMap<string, FileStamp>>;
  /** Watches files that were missed. */
  add(files: readonly string[]): void;
  close(): Promise<void>;
}

/** From here on people are told how long it took, in milliseconds. */
const SLOW = 3_000;
/** The system has no watches left: https://man7.org/linux/man-pages/man7/inotify.7.html */
const EXHAUSTED = new Set(["EMFILE", "ENFILE", "ENOSPC", "ENOMEM"]);

export function createWatchedTree(options: WatchedTreeOptions): WatchedTree {
  const { selections, log, polls, onEvent, onFolderAdded, onFolderMoved } = options;
  const roots = [...new Set(selections.flatMap((selection) => selection.roots))];
  let notifier: Notifier | undefined;
  /** Undefined until it is known. */
  let isPolling = polls;
  let isSlowKnown = false;
  let isClosed = false;
  const leavesOut = (path: string, isFolder: boolean | undefined) =>
    selections.every((selection) => selection.leavesOut(path, isFolder));

  const poll = (why: string) => {
    isPolling = true;
    log.warn(`${why}, so every file is looked at twice a second. --watch=GLOB watches fewer.`);
  };
  /** Undefined if the system had no watches left on the way. */
  const open = async () => {
    const seen = new Map<string, FileStamp>();
    const exhausted = Promise.withResolvers<true>();
    const opened = openNotifier({
      roots,
      leavesOut,
      polls: isPolling === true,
      onFound: (path, stamp) => seen.set(path, stamp),
      onEvent,
      onFolderAdded,
      onFolderMoved,
      onError(error) {
        log.debug(`Watching files: ${printable(messageOf(error))}`);
        if (isPolling || !EXHAUSTED.has(error.code ?? "")) return;
        exhausted.resolve(true);
        // After the first look, the next one finds it out again.
        onFolderMoved(roots[0]!);
      },
    });
    notifier = opened;
    return (await Promise.race([opened.ready, exhausted.promise])) ? undefined : seen;
  };
  const look = async () => {
    const begun = performance.now();
    await notifier?.close();
    if (isClosed) return new Map<string, FileStamp>();
    if (isPolling === undefined) {
      const support = await Promise.all(roots.map(hasFileEvents));
      isPolling = false;
      if (support.includes(false)) poll("This file system does not tell what changes in it");
    }
    let seen = await open();
    if (seen === undefined) {
      await notifier?.close();
      poll("The system cannot watch so many files");
      seen = await open();
    }
    const took = performance.now() - begun;
    if (took > SLOW && !isSlowKnown && !isClosed) {
      isSlowKnown = true;
      const seconds = (took / 1_000).toFixed(1);
      log.info(`It took ${seconds} s to look at ${seen?.size ?? 0} files. --watch=GLOB watches fewer.`);
    }
    return seen ?? new Map<string, FileStamp>();
  };
  return {
    roots,
    leavesOut,
    look,
    add: (files) => notifier?.add(files),
    async close() {
      isClosed = true;
      await notifier?.close();
    },
  };
}

// Watches files and says which have changed: once a save, however an editor saves, and once a build. What chokidar cannot
// know is settled here: whether a file is another one than before, folders that were replaced, and events that run out.
import { existsSync } from "node:fs";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { printable } from "../printable.ts";
import { type ChangeBatchOptions, createChangeBatch } from "./change-batch.ts";
import { findFilesBelow } from "./folder-walk.ts";
import { guardRoots, type RootGuard } from "./root-guard.ts";
import type { FileSelection } from "./selection.ts";
import { createSnapshot, type FileStamp, type Snapshot } from "./snapshot.ts";
import { createWatchedTree, type WatchedTree } from "./watched-tree.ts";

export interface FileChange {
  /** At least one, absolute, sorted: what has changed, appeared or gone. */
  files: readonly string[];
}

export interface FileWatchOptions {
  /** At least one. */
  selections: readonly FileSelection[];
  /**
   * Called once for all that changed in a moment. It is not waited for: whoever is busy with the last change is told of the
   * next one, and puts the two together.
   */
  onChange(change: FileChange): void;
  log: Pick<Log, "info" | "warn" | "debug">;
  /** Does without events. Otherwise that is found out. */
  polls?: boolean;
  timing?: Omit<ChangeBatchOptions, "flush">;
  /** Between two looks at whether the folders are there, in milliseconds. */
  rootInterval?: number;
}

export interface FileWatch {
  /** Resolves when changes are seen, with the files there are; never rejects. */
  readonly ready: Promise<readonly string[]>;
  close(): Promise<void>;
}

export function watchFiles(options: FileWatchOptions): FileWatch {
  const { selections, onChange, log } = options;
  const snapshot = createSnapshot();
  const replaced = new Set<string>();
  const appeared = new Set<string>();
  let guard: RootGuard | undefined;
  let isClosed = false;

  const tree = createWatchedTree({
    ...options,
    onEvent(path) {
      // A file that is watched by itself, not with its folder, is lost when another one takes its place.
      if (tree.roots.includes(path)) replaced.add(path);
      batch.add(path);
    },
    onFolderMoved(path) {
      replaced.add(path);
      batch.add(path);
    },
    onFolderAdded(path) {
      appeared.add(path);
      batch.add(path);
    },
  });
  /** Files that came before their folder was watched. */
  const findMissed = async (folders: readonly string[]) => {
    const files = await Promise.all(folders.map((folder) => findFilesBelow(folder, tree.leavesOut)));
    const missed = [...new Set(files.flat())].filter((file) => !snapshot.has(file));
    tree.add(missed);
    return missed;
  };
  const settle = async (paths: readonly string[]) => {
    const isRule = (path: string) => selections.some((selection) => selection.isRule(path));
    const moved = take(replaced);
    const changed = await snapshot.update([...paths, ...(await findMissed(take(appeared)))]);
    const hasNewRules = changed.some(isRule);
    if (hasNewRules) for (const selection of selections) selection.reload();
    if (hasNewRules || moved.some((path) => existsSync(path))) {
      const differing = findDifferences(snapshot, await tree.look(), tree, hasNewRules);
      const found = await snapshot.update([...differing, ...(await findMissed(moved))]);
      changed.push(...found.filter((path) => !changed.includes(path)));
    }
    const files = changed.filter((path) => !isRule(path)).sort();
    if (files.length > 0 && !isClosed) onChange({ files });
  };
  /** One at a time, in order. */
  let work: Promise<void> = Promise.resolve();
  const enqueue = (step: () => Promise<void>) => {
    work = work
      .then(() => (isClosed ? undefined : step()))
      .catch((thrown: unknown) => log.warn(`Watching files: ${printable(messageOf(thrown))}`));
    return work;
  };
  const batch = createChangeBatch({
    ...options.timing,
    flush: (paths) => void enqueue(() => settle(paths)),
  });

  const start = async () => {
    guard = await guardAgainstLoss(tree.roots, options, (root) => {
      replaced.add(root);
      batch.add(root);
    });
    for (const [path, stamp] of await tree.look()) snapshot.record(path, stamp);
  };
  const opening = enqueue(start);
  return {
    ready: opening.then(() => snapshot.paths()),
    async close() {
      isClosed = true;
      batch.close();
      await tree.close();
      await work;
      guard?.close();
    },
  };
}

function guardAgainstLoss(
  roots: readonly string[],
  { log, rootInterval }: FileWatchOptions,
  watchAgain: (root: string) => void,
): Promise<RootGuard> {
  return guardRoots({
    roots,
    onGone: (root) => log.info(`"${printable(root)}" is gone. It is watched again when it comes back.`),
    onReturn(root) {
      log.debug(`"${printable(root)}" is there again.`);
      watchAgain(root);
    },
    ...(rootInterval !== undefined && { interval: rootInterval }),
  });
}

/** What a set holds, which is empty then. */
function take(set: Set<string>): string[] {
  const all = [...set];
  set.clear();
  return all;
}

/**
 * @param seen the files there are
 * @param hasNewRules files that were left out so far are no change
 * @returns the files that no longer look as they did
 */
function findDifferences(
  snapshot: Snapshot,
  seen: ReadonlyMap<string, FileStamp>,
  { leavesOut }: Pick<WatchedTree, "leavesOut">,
  hasNewRules: boolean,
): string[] {
  const differing: string[] = [];
  for (const [path, stamp] of seen) {
    if (snapshot.looksSame(path, stamp)) continue;
    if (hasNewRules && !snapshot.has(path)) snapshot.record(path, stamp);
    else differing.push(path);
  }
  for (const path of snapshot.paths()) {
    if (seen.has(path)) continue;
    if (leavesOut(path, false)) snapshot.forget(path);
    else differing.push(path);
  }
  return differing;
}

// Notices when a watched folder goes away, comes back or is another one: no file system tells that of the folder itself, and
// events of the old one say nothing of the new one. It looks once in a while.
import { stat } from "node:fs/promises";

export interface RootGuard {
  close(): void;
}

export interface RootGuardOptions {
  roots: readonly string[];
  onGone(root: string): void;
  /** It is there again, or for the first time, or there is another one in its place. */
  onReturn(root: string): void;
  /** Between two looks, in milliseconds. */
  interval?: number;
}

const INTERVAL = 1_000;

export async function guardRoots(options: RootGuardOptions): Promise<RootGuard> {
  const { roots, onGone, onReturn, interval = INTERVAL } = options;
  const known = new Map<string, string | undefined>();
  for (const root of roots) known.set(root, await identify(root));
  let isClosed = false;
  let isLooking = false;
  const look = async () => {
    for (const [root, before] of known) {
      const now = await identify(root);
      if (isClosed) return;
      known.set(root, now);
      if (now === before) continue;
      if (now === undefined) onGone(root);
      else onReturn(root);
    }
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    void look().finally(() => {
      isLooking = false;
    });
  }, interval);
  timer.unref();
  return {
    close() {
      isClosed = true;
      clearInterval(timer);
    },
  };
}

/** The number of a file that was saved by renaming is another one each time; only a folder's says anything. */
async function identify(path: string): Promise<string | undefined> {
  try {
    const stats = await stat(path);
    return stats.isDirectory() ? `${stats.dev} ${stats.ino} ${stats.birthtimeMs}` : "file";
  } catch {
    return undefined;
  }
}

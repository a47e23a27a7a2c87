// Clears the store of what has run out. Lookups never depend on it: they check the time themselves.
import type { Log } from "../../log.ts";
import { type Later, type Store, whenKnown } from "../../store/store.ts";
import { createBackgroundTask, type Schedule, scheduleEvery } from "./background-task.ts";
import type { LastUses } from "./last-use.ts";
import { GRACE_MS } from "./issue.ts";

const SWEEP_MS = 60_000;
/** How long a client without an approval is kept. An approved one stays, since it will come back with its id. */
const UNUSED_CLIENT_KEPT_MS = 24 * 3_600_000;

export interface SweeperOptions {
  store: Store;
  now: () => number;
  schedule?: Schedule;
  log: Log;
  lastUses: LastUses;
}

export interface Sweeper {
  /** Writes down what is still to be written, and waits for what is under way. */
  close(): Later<void>;
}

/** Sweeps at once, then every minute. */
export function createSweeper(options: SweeperOptions): Sweeper {
  const { store, now, schedule = scheduleEvery, log, lastUses } = options;
  const sweep = () =>
    whenKnown(lastUses.write(), () =>
      store.sweep(now(), { unusedBefore: now() - UNUSED_CLIENT_KEPT_MS, graceBegan: now() - GRACE_MS }),
    );
  const task = createBackgroundTask(sweep, "clean up the store", log);
  void task.run();
  const stop = schedule(() => void task.run(), SWEEP_MS);
  return {
    close() {
      stop();
      return whenKnown(task.settle(), lastUses.write);
    },
  };
}

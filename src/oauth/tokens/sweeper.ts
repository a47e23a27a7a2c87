// Clears the store of what has run out. Lookups never depend on it: they check the time themselves.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Store } from "../../store/store.ts";
import type { LastUses } from "./last-use.ts";
import { GRACE_MS } from "./issue.ts";

const SWEEP_MS = 60_000;
/** How long a client that nobody approved is kept; one that was approved stays, since it will come back with its id. */
const UNUSED_CLIENT_KEPT_MS = 24 * 3_600_000;

export interface SweeperOptions {
  store: Store;
  now: () => number;
  log: Log;
  lastUses: LastUses;
}

/** Sweeps at once, then every minute, and writes down at the end what is still to be written. */
export function createSweeper({ store, now, log, lastUses }: SweeperOptions): { close(): void } {
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (thrown) {
      log.warn(`Could not clean up the store: ${messageOf(thrown)}`);
    }
  };
  const sweep = () => {
    lastUses.write();
    store.sweep(now(), { unusedBefore: now() - UNUSED_CLIENT_KEPT_MS, graceBegan: now() - GRACE_MS });
  };
  attempt(sweep);
  const timer = setInterval(attempt, SWEEP_MS, sweep);
  timer.unref();
  return {
    close() {
      clearInterval(timer);
      attempt(lastUses.write);
    },
  };
}

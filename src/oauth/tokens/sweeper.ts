// Deletes expired records from the store. Lookups never depend on it: they check the time themselves.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Store } from "../../store/store.ts";
import type { LastUses } from "./last-use.ts";
import { GRACE_MS } from "./issue.ts";

const SWEEP_MS = 60_000;
/** How long an unapproved client is kept; an approved one stays, since it will come back with its id. */
const UNUSED_CLIENT_KEPT_MS = 24 * 3_600_000;

export interface SweeperOptions {
  store: Store;
  now: () => number;
  log: Log;
  lastUses: LastUses;
}

/** Sweeps at once, then every minute. Closing it writes the last uses to the store. */
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

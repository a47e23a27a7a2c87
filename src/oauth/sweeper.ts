// Clears the store of what has run out. Lookups never depend on it: they check the time themselves.
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";
import { GRACE_MS } from "./refresh.ts";

const SWEEP_MS = 60_000;
/** How long a client that nobody approved is kept; one that was approved stays, since it will come back with its id. */
const UNUSED_CLIENT_KEPT_MS = 24 * 3_600_000;

export interface SweeperOptions {
  store: Store;
  now: () => number;
  log: Log;
}

/** Sweeps at once and then every minute. */
export function createSweeper({ store, now, log }: SweeperOptions): { close(): void } {
  const sweep = () => {
    try {
      store.sweep(now(), now() - UNUSED_CLIENT_KEPT_MS);
      store.forgetSuccessors(now() - GRACE_MS);
    } catch (thrown) {
      log.warn(`Could not clean up the store: ${messageOf(thrown)}`);
    }
  };
  sweep();
  const timer = setInterval(sweep, SWEEP_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

// Announces that a grant has ended, whichever process ended it, so that its streams can end too.
// The store's list of revocations is the only source, so each is announced once.
import type { Log } from "../../log.ts";
import { type Later, type Revocation, type Revocations, type Store, whenKnown } from "../../store/store.ts";
import { createBackgroundTask, type Schedule, scheduleEvery } from "./background-task.ts";

/**
 * Called without a grant when any may have ended.
 *
 * @param hasEnded whether all of the grant has, and not just one of its tokens
 */
export type RevocationListener = (grantId?: string, hasEnded?: boolean) => void;

export interface RevocationWatch {
  /** @returns a function that stops the listening */
  listen(listener: RevocationListener): () => void;
  /** Something of this grant ended that the store keeps no list of. */
  announce(grantId: string): void;
  /** Looks now instead of at the next tick; what ended before is announced when this is over. Never fails. */
  check(): Later<void>;
  /** Waits for what is under way. */
  close(): Later<void>;
}

export interface RevocationWatchOptions {
  store: Store;
  serverId: string;
  schedule?: Schedule;
  log: Log;
  onGrantRevoked(revocation: Revocation): void;
}

const POLL_MS = 1000;

export function createRevocationWatch(options: RevocationWatchOptions): RevocationWatch {
  const { store, serverId, schedule = scheduleEvery, log, onGrantRevoked } = options;
  const listeners = new Set<RevocationListener>();
  let cursor: number | undefined;

  const announce: RevocationListener = (grantId, hasEnded) => {
    for (const listener of listeners) listener(grantId, hasEnded);
  };
  const take = (found: Revocations) => {
    // Until now this watch was blind: what ended in that time is on no list of ours.
    if (cursor === undefined) announce();
    cursor = found.cursor;
    for (const revocation of found.revoked) {
      onGrantRevoked(revocation);
      announce(revocation.grantId, true);
    }
  };
  const look = () => whenKnown(store.revocationsAfter(cursor, serverId), take);
  const task = createBackgroundTask(look, "read revocations from the store", log);
  void task.run();
  const stop = schedule(() => void task.run(), POLL_MS);

  return {
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    announce: (grantId) => announce(grantId, false),
    check: task.run,
    close() {
      stop();
      return task.settle();
    },
  };
}

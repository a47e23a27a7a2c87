// Notifies the holders of open streams when a grant ends, whichever process ended it.
// The store's list of revocations is the only source, so each is announced once.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Revocation, Store } from "../../store/store.ts";

export interface RevocationWatch {
  /** @returns a function that removes the listener */
  listen(listener: (grantId: string) => void): () => void;
  /** For an end that the store does not list, such as that of a single access token. */
  announce(grantId: string): void;
  /** Looks now instead of at the next tick. */
  check(): void;
  close(): void;
}

export interface RevocationWatchOptions {
  store: Store;
  serverId: string;
  log: Log;
  onGrantRevoked(revocation: Revocation): void;
}

const POLL_MS = 1000;

export function createRevocationWatch(options: RevocationWatchOptions): RevocationWatch {
  const { store, serverId, log, onGrantRevoked } = options;
  const listeners = new Set<(grantId: string) => void>();
  let { cursor } = store.revocationsAfter(undefined, serverId);

  const announce = (grantId: string) => {
    for (const listener of listeners) listener(grantId);
  };
  const check = () => {
    const found = store.revocationsAfter(cursor, serverId);
    cursor = found.cursor;
    for (const revocation of found.revoked) {
      onGrantRevoked(revocation);
      announce(revocation.grantId);
    }
  };
  const timer = setInterval(() => {
    try {
      check();
    } catch (thrown) {
      log.warn(`Could not read revocations from the store: ${messageOf(thrown)}`);
    }
  }, POLL_MS);
  timer.unref();

  return {
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    announce,
    check,
    close: () => clearInterval(timer),
  };
}

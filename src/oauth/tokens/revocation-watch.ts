// Tells whoever holds streams open that a grant has ended, whichever process ended it.
// The store's list of revocations is the only source, so each is told once.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Revocation, Store } from "../../store/store.ts";

export interface RevocationWatch {
  /** @returns a function that stops the listening */
  listen(listener: (grantId: string) => void): () => void;
  /** Something of this grant ended that the store keeps no list of. */
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

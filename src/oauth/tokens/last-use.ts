// Records when each grant was last used, so that people see which of them are no longer needed. Writing it with each request
// would cost more than the request, so it is kept here, and the sweeper writes it once a minute.
import type { Store } from "../../store/store.ts";

export interface LastUses {
  note(grantId: string, at: number): void;
  /** Writes to the store what was noted since. */
  write(): void;
}

export function createLastUses({ store }: { store: Store }): LastUses {
  const noted = new Map<string, number>();
  return {
    note: (grantId, at) => void noted.set(grantId, at),
    write() {
      if (noted.size > 0) store.noteUses(noted);
      noted.clear();
    },
  };
}

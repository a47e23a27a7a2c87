// When each grant was last used, so that people see which of them nobody needs. To write it down with each request would
// cost more than the request: it is kept here, and written once a minute with what the sweeper does.
import type { Store } from "../../store/store.ts";

export interface LastUses {
  note(grantId: string, at: number): void;
  /** Writes down what was noted since. */
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

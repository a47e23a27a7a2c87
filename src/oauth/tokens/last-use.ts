// Notes when each grant was last used, so that people see which ones are no longer needed. Writing it down with each
// request would cost more than the request, so it is kept here and written once a minute, before a sweep.
import type { Log } from "../../log.ts";
import type { Later, Store } from "../../store/store.ts";
import { createBackgroundTask } from "./background-task.ts";

export interface LastUses {
  note(grantId: string, at: number): void;
  /** Writes down what was noted since. Never fails: what could not be written is written the next time. */
  write(): Later<void>;
}

export function createLastUses({ store, log }: { store: Store; log: Log }): LastUses {
  let noted = new Map<string, number>();

  function write(): Later<void> {
    if (noted.size === 0) return;
    const writing = noted;
    // Uses that come while this is written are for the next time.
    noted = new Map();
    const restore = (thrown: unknown) => {
      noted = new Map([...writing, ...noted]);
      throw thrown;
    };
    try {
      const written = store.noteUses(writing);
      return written instanceof Promise ? written.catch(restore) : written;
    } catch (thrown) {
      return restore(thrown);
    }
  }

  return {
    note: (grantId, at) => void noted.set(grantId, at),
    write: createBackgroundTask(write, "write down when grants were last used", log).run,
  };
}

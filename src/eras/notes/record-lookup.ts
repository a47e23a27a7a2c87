// Looks a session up in the store. That the store cannot be asked is said once, and once that it can be again.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Later, SessionRecord, Store } from "../../store/store.ts";

/** `unknown`: the store cannot be asked. */
type Answer = SessionRecord | undefined | "unknown";

export type LookUpRecord = (hash: string, usedAfter: number) => Later<Answer>;

export interface RecordLookupOptions {
  store: Pick<Store, "findSession">;
  serverId: string;
  log: Pick<Log, "info" | "warn">;
}

export function createRecordLookup({ store, serverId, log }: RecordLookupOptions): LookUpRecord {
  let isFailing = false;

  function succeed(record: Answer): Answer {
    if (isFailing) log.info("Sessions can be looked up again.");
    isFailing = false;
    return record;
  }

  function fail(thrown: unknown): Answer {
    if (!isFailing)
      log.warn(
        `Sessions cannot be looked up: ${messageOf(thrown)}. Requests for those that are not in memory are answered with 503. Check that the store can be reached and read.`,
      );
    isFailing = true;
    return "unknown";
  }

  return (hash, usedAfter) => {
    try {
      const answer = store.findSession(hash, serverId, usedAfter);
      return answer instanceof Promise ? answer.then(succeed, fail) : succeed(answer);
    } catch (thrown) {
      return fail(thrown);
    }
  };
}

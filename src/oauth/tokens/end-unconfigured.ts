// Ends what was approved by people who can no longer sign in.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { type Configured, type Later, type Store, whenKnown } from "../../store/store.ts";
import { describeFailure, Refusal } from "../failure.ts";
import type { RevocationWatch } from "./revocation-watch.ts";

export interface EndUnconfiguredOptions extends Configured {
  store: Store;
  now: () => number;
  log: Log;
}

/** Never fails: those people are refused by name in any case, and the next start tries again. */
export function endUnconfigured(options: EndUnconfiguredOptions, watch: RevocationWatch): Later<void> {
  const { store, now, log } = options;
  const report = (thrown: unknown) => {
    const why = thrown instanceof Refusal ? describeFailure(thrown.failure) : messageOf(thrown);
    log.warn(`Could not end the access of people who are no longer configured: ${why}`);
  };
  try {
    const ended = whenKnown(store.revokeUnconfigured(options, now()), watch.check);
    return ended instanceof Promise ? ended.catch(report) : ended;
  } catch (thrown) {
    report(thrown);
  }
}

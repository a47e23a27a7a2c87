// Ends what was approved by people who can no longer sign in.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { type Later, type Store, whenKnown } from "../../store/store.ts";
import { formatFailure, Refusal } from "../failure.ts";
import type { Subjects } from "../sign-in/sign-in.ts";
import type { CurrentSite } from "../issuer.ts";
import type { RevocationWatch } from "./revocation-watch.ts";

export interface EndUnconfiguredOptions {
  store: Store;
  serverId: string;
  /** People who can approve. */
  subjects: Subjects;
  currentSite: CurrentSite;
  now: () => number;
  log: Log;
}

export interface UnconfiguredEnd {
  /**
   * Revokes what was approved, for this server under this URL, by people who are no longer configured. Never fails: those
   * people are refused by name in any case, and the next start tries again.
   */
  run(): Later<void>;
  /** Waits for what is under way. */
  settle(): Later<void>;
}

export function createUnconfiguredEnd(
  options: EndUnconfiguredOptions,
  watch: RevocationWatch,
): UnconfiguredEnd {
  const { store, serverId, subjects, currentSite, now, log } = options;
  const underWay = new Set<Promise<void>>();

  const report = (thrown: unknown) => {
    const why = thrown instanceof Refusal ? formatFailure(thrown.failure) : messageOf(thrown);
    log.warn(`Could not end the access of people who are no longer configured: ${why}`);
  };
  function revoke(): Later<void> {
    try {
      // The URL may move while the store is at work; what was approved under this one ends all the same.
      const configured = { serverId, subjects, resources: currentSite().resources };
      const revoked = whenKnown(store.revokeUnconfigured(configured, now()), watch.check);
      return revoked instanceof Promise ? revoked.catch(report) : revoked;
    } catch (thrown) {
      report(thrown);
    }
  }
  return {
    run() {
      const running = revoke();
      if (!(running instanceof Promise)) return;
      underWay.add(running);
      return running.finally(() => underWay.delete(running));
    },
    settle: () => (underWay.size === 0 ? undefined : Promise.all(underWay).then(() => {})),
  };
}

// Ends what was approved by people who can no longer sign in.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Store } from "../../store/store.ts";
import type { Subjects } from "../sign-in/sign-in.ts";
import type { CurrentSite } from "../site.ts";
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

/** Revokes what was approved, for this server under this URL, by people who are no longer configured. */
export function endUnconfigured(options: EndUnconfiguredOptions, watch: RevocationWatch): void {
  const { store, serverId, subjects, currentSite, now, log } = options;
  try {
    store.revokeUnconfigured({ serverId, subjects, resources: currentSite().resources }, now());
    watch.check();
  } catch (thrown) {
    log.warn(`Could not end the access of people who are no longer configured: ${messageOf(thrown)}`);
  }
}

// Ends the access of people who are no longer configured, and reports every grant that ends.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Revocation, Store } from "../../store/store.ts";
import { displayClient, displayName } from "../pages/display.ts";
import type { Subjects } from "../sign-in/sign-in.ts";
import type { CurrentSite } from "../site.ts";
import type { OnGrant } from "./grant-activity.ts";
import type { RevocationWatch } from "./revocation-watch.ts";

export interface UnconfiguredOptions {
  store: Store;
  serverId: string;
  /** People who can approve. */
  subjects: Subjects;
  currentSite: CurrentSite;
  now: () => number;
  log: Log;
}

/** Revokes what was approved, for this server under this URL, by people who are no longer configured. */
export function endUnconfigured(options: UnconfiguredOptions, watch: RevocationWatch): void {
  const { store, serverId, subjects, currentSite, now, log } = options;
  try {
    store.revokeUnconfigured({ serverId, subjects, resources: currentSite().resources }, now());
    watch.check();
  } catch (thrown) {
    log.warn(`Could not end the access of people who are no longer configured: ${messageOf(thrown)}`);
  }
}

export function reportRevocation(
  { log, onGrant }: { log: Log; onGrant: OnGrant },
  revocation: Revocation,
): void {
  const clientName = displayClient(revocation.clientName, revocation.clientId);
  // A code or token used twice is in two hands, and one of them is a thief's.
  if (revocation.reason === "replay") {
    log.warn(`A code or refresh token of "${clientName}" was used twice; its grant is revoked.`);
  }
  if (revocation.reason === "unconfigured") {
    log.warn(
      `"${displayName(revocation.subject)}" is no longer configured, so grants approved under that name have ended.`,
    );
  }
  onGrant({ state: "revoked", ...revocation, clientName });
}

// Reports a grant that has ended, in the log and in the machine output.
import type { Log } from "../../log.ts";
import type { Revocation } from "../../store/store.ts";
import { displayClient, displayName } from "../pages/display.ts";
import type { OnGrant } from "./grant-activity.ts";

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

// Who has access, and taking it away; works on the store of a running server from another process,
// which then notices within a second (see revocation-watch.ts).
import { displayClient } from "../pages/display.ts";
import type { EndedGrant, Grant, Store } from "../../store/store.ts";

/** Grants that still have a token that is good, oldest first. */
export function listGrants(store: Store, now: number): readonly Grant[] {
  return store.listGrants(now).map((grant) => ({
    ...grant,
    clientName: displayClient(grant.clientName, grant.host || grant.clientId),
  }));
}

/** Grants that ended because nobody of that name is configured any more, oldest first. */
export function listUnconfigured(store: Store, now: number): readonly EndedGrant[] {
  return store.listEnded(now, "unconfigured").map((grant) => ({
    ...grant,
    clientName: displayClient(grant.clientName, grant.clientId),
  }));
}

/** @returns false when there is no such grant */
export function revokeGrant(store: Store, id: string, now: number): boolean {
  return store.revokeGrant(id, now, "owner");
}

/** Approvals that were not used yet end, too. @returns how many grants there were */
export function revokeAll(store: Store, now: number): number {
  return store.revokeAllGrants(now);
}

// Lists grants and revokes them. Works on the store of a running server from another process; the server notices within a
// second (see revocation-watch.ts).
import { displayClient } from "../pages/display.ts";
import type { EndedGrant, Grant, Store } from "../../store/store.ts";

/** Grants that still have a valid token, oldest first. */
export function listGrants(store: Store, now: number): readonly Grant[] {
  return store.listGrants(now).map((grant) => ({
    ...grant,
    clientName: displayClient(grant.clientName, grant.host || grant.clientId),
  }));
}

/** Grants that ended because their user is no longer configured, oldest first. */
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

/** Also ends approvals whose code was not redeemed yet. @returns the number of grants */
export function revokeAll(store: Store, now: number): number {
  return store.revokeAllGrants(now);
}

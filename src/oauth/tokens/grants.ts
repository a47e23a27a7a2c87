// Lists grants and revokes them. Works on the store of a running server from another process; the server notices within a
// second (see revocation-watch.ts).
import { displayClient } from "../pages/display.ts";
import type { EndedGrant, Grant, Store } from "../../store/store.ts";

/** Grants that still have a token that is good, oldest first. */
export async function listGrants(store: Store, now: number): Promise<readonly Grant[]> {
  const grants = await store.listGrants(now);
  return grants.map((grant) => ({
    ...grant,
    clientName: displayClient(grant.clientName, grant.host || grant.clientId),
  }));
}

/** Grants that ended because no one of that name is configured any more, oldest first. */
export async function listUnconfigured(store: Store, now: number): Promise<readonly EndedGrant[]> {
  const ended = await store.listEnded(now, "unconfigured");
  return ended.map((grant) => ({ ...grant, clientName: displayClient(grant.clientName, grant.clientId) }));
}

/** @returns false when there is no such grant */
export async function revokeGrant(store: Store, id: string, now: number): Promise<boolean> {
  return store.revokeGrant(id, now, "owner");
}

/** Approvals that were not used yet end, too. @returns how many grants there were */
export async function revokeAll(store: Store, now: number): Promise<number> {
  return store.revokeAllGrants(now);
}

// Who has access, and taking it away; works on the store of a running server from another process,
// which then notices within a second (see revocation-watch.ts).
import { displayClient } from "./pages/display.ts";
import type { EndedGrant, Grant, Store } from "../store/store.ts";

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

export interface Configured {
  store: Store;
  serverId: string;
  resources: readonly string[];
  /** Who can approve. */
  subjects: ReadonlySet<string>;
  now: () => number;
}

/**
 * Ends for good what was approved, for this server under this URL, by somebody who is no longer configured: a name that
 * is configured again may be another person's, or that of one who was taken out since a device was lost.
 */
export function endUnconfigured({ store, serverId, resources, subjects, now }: Configured): void {
  for (const grant of store.listGrants(now())) {
    const isOurs =
      grant.serverId === serverId && grant.resources.some((resource) => resources.includes(resource));
    if (isOurs && !subjects.has(grant.subject)) store.revokeGrant(grant.id, now(), "unconfigured");
  }
}

/** @returns false when there is no such grant */
export function revokeGrant(store: Store, id: string, now: number): boolean {
  return store.revokeGrant(id, now, "owner");
}

/** Approvals that were not used yet end, too. @returns how many grants there were */
export function revokeAll(store: Store, now: number): number {
  return store.revokeAllGrants(now);
}

// Grants in a store file, for `mcp-expose grants`: listed and revoked while a server may run on the same store.
import { listGrants, listUnconfigured, revokeAll, revokeGrant } from "../oauth/tokens/grants.ts";
import { openExistingStore } from "../store/open.ts";

/** @param where the store's file. @throws {UserError} there is nothing stored there */
export async function openGrants(where: string, now: () => number) {
  const store = await openExistingStore(where);
  return {
    list: () => listGrants(store, now()),
    listUnconfigured: () => listUnconfigured(store, now()),
    revoke: (id: string) => revokeGrant(store, id, now()),
    revokeAll: () => revokeAll(store, now()),
    close: () => store.close(),
  };
}

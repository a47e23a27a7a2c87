// Grants in a store file, for `mcp-expose grants`: listed and revoked while a server may run on the same store.
import { listGrants, listUnconfigured, revokeAll, revokeGrant } from "../oauth/tokens/grants.ts";
import { openStore } from "../store/sqlite/sqlite-store.ts";

/** @param where the store's file */
export function openGrants(where: string, now: () => number) {
  const store = openStore(where);
  return {
    list: () => listGrants(store, now()),
    listUnconfigured: () => listUnconfigured(store, now()),
    revoke: (id: string) => revokeGrant(store, id, now()),
    revokeAll: () => revokeAll(store, now()),
    close: () => store.close(),
  };
}

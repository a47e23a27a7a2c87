// The revocation endpoint (RFC 7009 §2): a refresh token ends its whole grant, an access token only itself.
// A token that is unknown or another client's gets the same 200, so that nothing can be found out here.
import type { Store } from "../../store/store.ts";
import type { AuthenticateClient } from "../clients/client-authentication.ts";
import { refuse } from "../failure.ts";
import { readForm } from "../wire/parameters.ts";
import { hashSecret, nameRefreshToken } from "../secrets.ts";

export interface RevokeOptions {
  store: Store;
  now: () => number;
  authenticateClient: AuthenticateClient;
  /** An access token of this grant has ended. */
  onAccessRevoked(grantId: string): void;
}

export function createRevoke(options: RevokeOptions): (request: Request) => Promise<Response> {
  const { store, now, authenticateClient, onAccessRevoked } = options;
  return async (request) => {
    const form = await readForm(request);
    const client = await authenticateClient(request, form);
    const token = form.get("token");
    if (token === undefined) return refuse({ kind: "bad-request", description: "token is missing." });
    const hash = hashSecret(token);
    const refresh = await store.findRefresh(nameRefreshToken(token), now());
    const access = await store.findAccess(hash, now());
    if (refresh?.grant.clientId === client.id) await store.revokeGrant(refresh.grantId, now(), "client");
    if (access?.clientId === client.id) {
      await store.removeAccess(hash);
      onAccessRevoked(access.grantId);
    }
    return new Response(null, { status: 200, headers: { "Cache-Control": "no-store" } });
  };
}

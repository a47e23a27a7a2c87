// The introspection endpoint (RFC 7662 §2): another program asks whether a token is valid. A program with the
// introspection secret may ask about every token, an authenticated client about its own, and a public client about none.
import type { Store } from "../../store/store.ts";
import type { Client, FindClient } from "../clients/client.ts";
import type { AuthenticateClient } from "../clients/client-authentication.ts";
import { refuse } from "../failure.ts";
import { answerJson } from "../wire/json-response.ts";
import { type Parameters, readForm } from "../wire/parameters.ts";
import type { Subjects } from "../sign-in/sign-in.ts";
import type { CurrentSite } from "../issuer.ts";
import { hashSecret, isGuessable, nameRefreshToken } from "../secrets.ts";

export interface IntrospectOptions {
  currentSite: CurrentSite;
  serverId: string;
  subjects: Subjects;
  store: Store;
  now: () => number;
  /** Authenticates what `withIntrospector` finds. */
  authenticateClient: AuthenticateClient;
}

/** The client_id that goes with the introspection secret. */
export const INTROSPECTOR = "introspection";

/** Adds the caller that may ask about every token. It is not a client of any other endpoint. */
export function withIntrospector(findClient: FindClient, secret: string | undefined): FindClient {
  if (secret === undefined) return findClient;
  const introspector: Client = {
    id: INTROSPECTOR,
    name: undefined,
    isPublic: false,
    secretHash: hashSecret(secret),
    isSecretGuessable: isGuessable(secret),
    wasApproved: true,
    keys: undefined,
    grantTypes: [],
    acceptsRedirect: () => false,
    document: undefined,
  };
  return async (id, source) => (id === INTROSPECTOR ? introspector : await findClient(id, source));
}

export function createIntrospect(options: IntrospectOptions): (request: Request) => Promise<Response> {
  const { authenticateClient } = options;
  return async (request) => {
    const form = await readForm(request);
    const caller = await authenticateClient(request, form);
    const isProven = !caller.isPublic || form.get("client_assertion") !== undefined;
    if (!isProven)
      return refuse({
        kind: "wrong-secret",
        clientId: caller.id,
        why: "it did not prove itself",
        basic: false,
      });
    const token = await describeToken(options, form);
    const mayKnow = token !== undefined && (caller.id === INTROSPECTOR || caller.id === token.client_id);
    return answerJson(mayKnow ? { active: true, ...token } : { active: false });
  };
}

/** Describes a token that is valid here; `token_type_hint` would only say where to look first. */
async function describeToken(options: IntrospectOptions, form: Parameters) {
  const { store, now, serverId, subjects, currentSite } = options;
  const token = form.get("token");
  if (token === undefined) return refuse({ kind: "bad-request", description: "token is missing." });
  const hash = hashSecret(token);
  const access = await store.findAccess(hash, now());
  const refresh = await store.findRefresh(nameRefreshToken(token), now());
  const found = access ?? (refresh?.replaced === null ? { ...refresh.grant, ...refresh } : undefined);
  if (found?.serverId !== serverId || !subjects.has(found.subject)) return undefined;
  // Read after the waiting, since the URL may have moved meanwhile.
  const { issuer, resources } = currentSite();
  if (!found.resources.some((resource) => resources.includes(resource))) return undefined;
  return {
    client_id: found.clientId,
    sub: found.subject,
    scope: found.scopes.join(" "),
    aud: found.resources,
    exp: Math.floor(found.expiresAt / 1000),
    iat: Math.floor(found.issuedAt / 1000),
    iss: issuer,
    ...(access ? { token_type: "Bearer" } : {}),
  };
}

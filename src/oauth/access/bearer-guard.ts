// Checks the access token of every request to a resource (RFC 6750 §2.1, OAuth 2.1 §5).
// Tokens in a query or a form are ignored.
import type { Log } from "../../log.ts";
import type { Store } from "../../store/store.ts";
import type { Challenger } from "./challenge.ts";
import { formatFailure, type Failure } from "../failure.ts";
import type { Principal } from "./principal.ts";
import { DEFAULT_SCOPE } from "./scopes.ts";
import type { Subjects } from "../sign-in/sign-in.ts";
import type { CurrentSite } from "../site.ts";
import { hashSecret } from "../secrets.ts";

/** `principal` is absent for a request without a token, where anonymous discovery is allowed. */
export type Authentication =
  { ok: true; principal: Principal | undefined } | { ok: false; response: Response };
export type Authenticate = (request: Request, resourcePath: string) => Authentication;

export interface BearerGuardOptions {
  /** All resources lead to one server, so a token for one of them is valid for all. */
  currentSite: CurrentSite;
  /** The scopes that open anything; `offline_access` does not. */
  resourceScopes: readonly string[];
  serverId: string;
  /** People who can approve; approvals by anyone else are not valid. */
  subjects: Subjects;
  /** Lets requests without any token pass; a bad token never does. */
  allowAnonymousDiscovery: boolean;
  store: Store;
  now: () => number;
  log: Log;
  challenger: Challenger;
}

const CREDENTIALS = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

export function createBearerGuard(options: BearerGuardOptions): Authenticate {
  const {
    currentSite,
    resourceScopes,
    serverId,
    subjects,
    allowAnonymousDiscovery,
    store,
    now,
    log,
    challenger,
  } = options;

  function check(request: Request): Principal | Failure {
    const header = request.headers.get("authorization");
    if (header === null) return { kind: "no-token" };
    const token = CREDENTIALS.exec(header)?.[1];
    if (token === undefined)
      return { kind: "bad-token", why: "the Authorization header is not a bearer token" };
    if (/[?&]access_token=/.test(request.url)) return { kind: "two-tokens" };
    const access = store.findAccess(hashSecret(token), now());
    if (!access) return { kind: "bad-token", why: "unknown, expired or revoked" };
    if (access.serverId !== serverId) return { kind: "bad-token", why: "granted for another server" };
    const { resources } = currentSite();
    if (!access.resources.some((resource) => resources.includes(resource))) {
      return { kind: "bad-token", why: `granted for ${access.resources.join(" ")}` };
    }
    const { subject, clientId, clientName, grantId, scopes, expiresAt } = access;
    if (!subjects.has(subject)) return { kind: "bad-token", why: `"${subject}" is no longer configured` };
    if (!scopes.some((scope) => resourceScopes.includes(scope))) {
      return { kind: "needs-scope", scopes: [DEFAULT_SCOPE], held: scopes };
    }
    return { subject, clientId, clientName, grantId, scopes, expiresAt };
  }

  return (request, resourcePath) => {
    const outcome = check(request);
    if (!("kind" in outcome)) return { ok: true, principal: outcome };
    if (outcome.kind === "no-token" && allowAnonymousDiscovery) return { ok: true, principal: undefined };
    log.debug(`${request.method} ${resourcePath} refused: ${formatFailure(outcome)}`);
    return { ok: false, response: challenger.answer(outcome, resourcePath) };
  };
}

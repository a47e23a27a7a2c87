// Checks the access token of every request to a resource (RFC 6750 §2.1, OAuth 2.1 §5).
// Tokens in a query or a form are ignored.
import type { Log } from "../../log.ts";
import type { Later, Store, StoredAccess } from "../../store/store.ts";
import type { Challenger } from "./challenge.ts";
import { type Failure, formatFailure, Refusal, toWire } from "../failure.ts";
import { answerError } from "../wire/json-response.ts";
import type { Principal } from "./principal.ts";
import { DEFAULT_SCOPE } from "./scopes.ts";
import type { Subjects } from "../sign-in/sign-in.ts";
import type { CurrentSite } from "../issuer.ts";
import { hashSecret } from "../secrets.ts";

/** `principal` is absent for a request without a token, where anonymous discovery is allowed. */
export type Authentication =
  { ok: true; principal: Principal | undefined } | { ok: false; response: Response };
export type Authenticate = (request: Request, resourcePath: string) => Later<Authentication>;

export interface BearerGuard {
  /**
   * Asked once for each request; a promise only if the store cannot answer at once. A grant may end while that is waited
   * for, so a caller that has waited must `recheck` in the turn of the event loop in which the request goes on.
   */
  authenticate: Authenticate;
  /** The same for a request that was let in before. Never waits. */
  recheck(request: Request, resourcePath: string): Authentication;
}

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

export function createBearerGuard(options: BearerGuardOptions): BearerGuard {
  const { allowAnonymousDiscovery, store, now, log, challenger } = options;

  function conclude(outcome: Principal | Failure, request: Request, resourcePath: string): Authentication {
    if (!("kind" in outcome)) return { ok: true, principal: outcome };
    if (outcome.kind === "no-token" && allowAnonymousDiscovery) return { ok: true, principal: undefined };
    log.debug(`${request.method} ${resourcePath} refused: ${formatFailure(outcome)}`);
    // A challenge would make the client sign in again, and its token is good.
    const response =
      outcome.kind === "store-failed"
        ? answerError(toWire(outcome))
        : challenger.answer(outcome, resourcePath);
    return { ok: false, response };
  }

  async function wait(access: Promise<unknown>, request: Request, resourcePath: string) {
    try {
      await access;
    } catch (thrown) {
      return conclude(failureOf(thrown), request, resourcePath);
    }
    // The grant may have ended since the store looked.
    return recheck(request, resourcePath);
  }

  function check(find: Store["findAccess"], request: Request, resourcePath: string): Later<Authentication> {
    const token = readToken(request);
    if (typeof token !== "string") return conclude(token, request, resourcePath);
    try {
      const access = find(hashSecret(token), now());
      return access instanceof Promise
        ? wait(access, request, resourcePath)
        : conclude(judge(access, options), request, resourcePath);
    } catch (thrown) {
      return conclude(failureOf(thrown), request, resourcePath);
    }
  }

  // Since recallAccess never waits, nor does this.
  const recheck = (request: Request, resourcePath: string) =>
    check(store.recallAccess, request, resourcePath) as Authentication;
  return {
    authenticate: (request, resourcePath) => check(store.findAccess, request, resourcePath),
    recheck,
  };
}

function readToken(request: Request): string | Failure {
  const header = request.headers.get("authorization");
  if (header === null) return { kind: "no-token" };
  const token = CREDENTIALS.exec(header)?.[1];
  if (token === undefined)
    return { kind: "bad-token", why: "the Authorization header is not a bearer token" };
  return /[?&]access_token=/.test(request.url) ? { kind: "two-tokens" } : token;
}

function judge(access: StoredAccess | undefined, options: BearerGuardOptions): Principal | Failure {
  const { currentSite, resourceScopes, serverId, subjects } = options;
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

/** The failure that a step was refused with; throws anything else again. */
function failureOf(thrown: unknown): Failure {
  if (thrown instanceof Refusal) return thrown.failure;
  throw thrown;
}

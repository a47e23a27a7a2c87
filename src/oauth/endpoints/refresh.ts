// grant_type=refresh_token: every use gives a new one and ends the old one (OAuth 2.1 §4.3.1).
// Clients with several processes present one token more than once (https://github.com/anthropics/claude-code/issues/85236),
// so for a short while the old one still leads to the same successor; after that its use means theft.
import type { AccessRecord, Grant, StoredRefresh } from "../../store/store.ts";
import type { Client } from "../clients/client.ts";
import { refuse } from "../failure.ts";
import {
  describeTokens,
  GRACE_MS,
  issueAccess,
  issueRefresh,
  type IssueOptions,
  type TokenResponse,
} from "../tokens/issue.ts";
import type { Parameters } from "../wire/parameters.ts";
import { readResources } from "../access/resource.ts";
import { narrowScopes, OFFLINE_ACCESS } from "../access/scopes.ts";
import type { CurrentSite } from "../issuer.ts";
import { hashSecret, nameRefreshToken, decryptSuccessor, encryptSuccessor } from "../secrets.ts";
import { countIfTrue, createThrottle, type Throttle } from "../limits/throttle.ts";
/** The most new refresh tokens of a grant in that time, each of which is a write. */
const ROTATIONS = 100;
/**
 * How often a used token gives one more access token, of which a grant keeps a thousand. Fewer processes than that share a
 * token, and one that must wait may come back after the grace period.
 */
const REPEATS = 100;

export interface RefreshOptions extends IssueOptions {
  currentSite: CurrentSite;
  /** Counts by grant. */
  rotations: Throttle;
  /** Counts by the hash of the used token. */
  repeats: Throttle;
}

export function createRefreshLimits({ now }: IssueOptions): Pick<RefreshOptions, "rotations" | "repeats"> {
  const createCounter = (limit: number) => createThrottle({ limit, windowMs: GRACE_MS, now });
  return { rotations: createCounter(ROTATIONS), repeats: createCounter(REPEATS) };
}

/** Clients that registered the refresh_token grant get refresh tokens even if they do not ask for offline_access. */
export function mayRefresh({ grantTypes }: Client, scopes: readonly string[]): boolean {
  return grantTypes.includes("refresh_token") || scopes.includes(OFFLINE_ACCESS);
}

export async function refresh(
  options: RefreshOptions,
  client: Client,
  form: Parameters,
): Promise<TokenResponse> {
  const token = form.get("refresh_token");
  if (token === undefined) return refuse({ kind: "bad-request", description: "refresh_token is missing." });
  const stored = await findRefresh(options, client, token);
  const { grant } = stored;
  const terms = {
    grantId: grant.id,
    scopes: narrowScopes(grant.scopes, form.get("scope")),
    resources: readResources(form.getAll("resource"), grant.resources, grant.resources),
    endsAt: grant.endsAt,
  };
  const access = issueAccess(options, terms);
  const successor =
    (await rotate(options, stored, token, access.record)) ?? (await repeat(options, token, access.record));
  const { clientId, clientName, subject, id: grantId } = grant;
  options.onGrant({ state: "refreshed", clientId, clientName, subject, grantId, scopes: terms.scopes });
  return describeTokens(access, successor, options.now());
}

async function findRefresh(options: RefreshOptions, client: Client, token: string): Promise<StoredRefresh> {
  const stored = await options.store.findRefresh(nameRefreshToken(token), options.now());
  if (!mayRefresh(client, stored?.grant.scopes ?? [])) {
    refuse({ kind: "grant-type-not-registered", clientId: client.id, grantType: "refresh_token" });
  }
  if (!stored) return refuse({ kind: "bad-refresh-token", why: "unknown, expired or revoked" });
  checkOwner(options, client, stored.grant);
  return stored;
}

function checkOwner({ serverId, subjects, currentSite }: RefreshOptions, client: Client, grant: Grant): void {
  const { resources } = currentSite();
  if (grant.clientId !== client.id) refuse({ kind: "bad-refresh-token", why: "belongs to another client" });
  if (grant.serverId !== serverId) refuse({ kind: "bad-refresh-token", why: "granted for another server" });
  if (!subjects.has(grant.subject)) {
    refuse({ kind: "bad-refresh-token", why: `"${grant.subject}" is no longer configured` });
  }
  if (!grant.resources.every((resource) => resources.includes(resource))) {
    refuse({ kind: "bad-refresh-token", why: `granted for ${grant.resources.join(" ")}` });
  }
}

/** @returns the new refresh token; undefined when `token` was used before */
async function rotate(
  options: RefreshOptions,
  { grant, replaced }: StoredRefresh,
  token: string,
  access: AccessRecord,
): Promise<string | undefined> {
  if (replaced !== null) return undefined;
  const retryAfter = options.rotations.waitOf(grant.id);
  if (retryAfter > 0) refuse({ kind: "throttled", retryAfter, who: `grant ${grant.id}` });
  const next = issueRefresh(options, { grantId: grant.id, endsAt: grant.endsAt }, token);
  const rotation = {
    hash: hashSecret(token),
    encryptedSuccessor: encryptSuccessor(next.token, token),
    successor: next.record,
    access,
    expiresAt: Math.max(next.record.expiresAt, access.expiresAt),
  };
  const write = () => options.store.rotateRefresh(rotation, options.now());
  return (await countIfTrue(options.rotations, grant.id, write)) ? next.token : undefined;
}

/** @returns the successor that was given out for `token` before */
async function repeat(
  { store, now, repeats }: RefreshOptions,
  token: string,
  access: AccessRecord,
): Promise<string> {
  const { replaced, grant } = (await store.findRefresh(nameRefreshToken(token), now())) ?? {};
  if (!replaced || !grant) return refuse({ kind: "bad-refresh-token", why: "revoked meanwhile" });
  if (replaced === "long ago" || now() - replaced.at > GRACE_MS) {
    await store.revokeGrant(grant.id, now(), "replay");
    refuse({ kind: "bad-refresh-token", why: `used again after its minute; grant ${grant.id} is revoked` });
  }
  const hash = hashSecret(token);
  const retryAfter = repeats.waitOf(hash);
  if (retryAfter > 0) refuse({ kind: "throttled", retryAfter, who: `grant ${grant.id}` });
  repeats.count(hash);
  if (!(await store.addAccess(access))) refuse({ kind: "bad-refresh-token", why: "revoked meanwhile" });
  return decryptSuccessor(replaced.encryptedSuccessor, token);
}

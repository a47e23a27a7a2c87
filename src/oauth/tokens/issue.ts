// Issues tokens, and writes the response that carries them (RFC 6749 §5.1). Only their hashes are stored.
import type { AccessRecord, RefreshRecord, Store } from "../../store/store.ts";
import type { Subjects } from "../sign-in/sign-in.ts";
import type { OnGrant } from "./grant-activity.ts";
import {
  createRefreshToken,
  createSecret,
  hashSecret,
  nameRefreshToken,
  type RandomBytes,
} from "../secrets.ts";

/** How long a used refresh token still leads to its successor. */
export const GRACE_MS = 60_000;

export interface IssueOptions {
  store: Store;
  serverId: string;
  /** People who can approve. */
  subjects: Subjects;
  serverName: string;
  /** Lifetimes in milliseconds. A refresh token is good for `refreshTtl` after it was issued. */
  accessTtl: number;
  refreshTtl: number;
  now: () => number;
  random: RandomBytes;
  onGrant: OnGrant;
}

export interface TokenResponse {
  access_token: string;
  token_type: "Bearer";
  /** Seconds. */
  expires_in: number;
  scope: string;
  refresh_token?: string;
}

export interface Issued<T> {
  token: string;
  record: T;
}

export interface AccessTerms {
  grantId: string;
  scopes: readonly string[];
  resources: readonly string[];
  /** The grant's end, which no token outlives. */
  endsAt: number;
}

export function issueAccess(
  { random, now, accessTtl }: IssueOptions,
  terms: AccessTerms,
): Issued<AccessRecord> {
  const { endsAt, ...rest } = terms;
  const token = createSecret(random);
  const issuedAt = now();
  const expiresAt = Math.min(issuedAt + accessTtl, endsAt);
  return { token, record: { ...rest, hash: hashSecret(token), issuedAt, expiresAt } };
}

/** @param current the refresh token that is exchanged for it */
export function issueRefresh(
  { random, now, refreshTtl }: IssueOptions,
  { grantId, endsAt }: { grantId: string; endsAt: number },
  current?: string,
): Issued<RefreshRecord> {
  const token = createRefreshToken(random, current);
  const issuedAt = now();
  const expiresAt = Math.min(issuedAt + refreshTtl, endsAt);
  return { token, record: { grantId, ...nameRefreshToken(token), issuedAt, expiresAt } };
}

export function describeTokens(
  access: Issued<AccessRecord>,
  refreshToken: string | undefined,
  now: number,
): TokenResponse {
  return {
    access_token: access.token,
    token_type: "Bearer",
    expires_in: Math.floor((access.record.expiresAt - now) / 1000),
    scope: access.record.scopes.join(" "),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
  };
}

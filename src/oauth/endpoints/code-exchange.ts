// grant_type=authorization_code: one code, once, for its own client and verifier (OAuth 2.1 §4.1.3 and §7.5.1).
import type { Grant, StoredCode } from "../../store/store.ts";
import type { Client } from "../clients/client.ts";
import { refuse } from "../failure.ts";
import {
  describeTokens,
  issueAccess,
  issueRefresh,
  type IssueOptions,
  type TokenResponse,
} from "../tokens/issue.ts";
import type { Parameters } from "../wire/parameters.ts";
import { isVerifierFor } from "../tokens/pkce.ts";
import { displayClient } from "../pages/display.ts";
import { displayHost } from "../clients/client.ts";
import { mayRefresh } from "./refresh.ts";
import { readResources } from "../access/resource.ts";
import { createId, hashSecret } from "../secrets.ts";

const GRANT_ID_BYTES = 8;
/** A grant ends after so many refresh lifetimes, and the person is asked again. */
const REFRESH_LIFETIMES = 4;

export async function exchangeCode(
  options: IssueOptions,
  client: Client,
  form: Parameters,
): Promise<TokenResponse> {
  const code = await findCode(options, client, form);
  checkVerifier(code, form);
  const resources = readResources(form.getAll("resource"), code.resources, code.resources);
  return issueForCode(options, client, code, resources);
}

async function findCode(options: IssueOptions, client: Client, form: Parameters): Promise<StoredCode> {
  const { store, serverId, subjects, now } = options;
  const value = form.get("code");
  if (value === undefined) return refuse({ kind: "bad-request", description: "code is missing." });
  const code = await store.findCode(hashSecret(value), now());
  if (!code) return refuse({ kind: "bad-code", why: "unknown or expired" });
  if (code.serverId !== serverId) refuse({ kind: "bad-code", why: "approved for another server" });
  if (!subjects.has(code.subject))
    refuse({ kind: "bad-code", why: `"${code.subject}" is no longer configured` });
  if (code.clientId !== client.id) refuse({ kind: "bad-code", why: "belongs to another client" });
  const redirectUri = form.get("redirect_uri");
  if (redirectUri !== undefined && redirectUri !== code.redirectUri) {
    refuse({ kind: "bad-code", why: "redirect_uri differs from the authorization request" });
  }
  return code;
}

function checkVerifier({ challenge }: StoredCode, form: Parameters): void {
  const verifier = form.get("code_verifier");
  if (verifier === undefined)
    return refuse({ kind: "bad-request", description: "code_verifier is missing." });
  if (!isVerifierFor(challenge, verifier)) refuse({ kind: "bad-code", why: "wrong code_verifier" });
}

/**
 * A replay with the right client and verifier means that one of the two holders is a thief, so both lose access.
 * A replay by anyone else has failed before this, and must not end the grant.
 */
async function refuseReplay({ store, now }: IssueOptions, hash: string): Promise<never> {
  const grantId = (await store.findCode(hash, now()))?.grantId;
  if (typeof grantId !== "string") return refuse({ kind: "bad-code", why: "expired or revoked meanwhile" });
  await store.revokeGrant(grantId, now(), "replay");
  return refuse({ kind: "bad-code", why: `redeemed before; grant ${grantId} is revoked` });
}

async function issueForCode(
  options: IssueOptions,
  client: Client,
  code: StoredCode,
  resources: readonly string[],
): Promise<TokenResponse> {
  const { store, random, refreshTtl, accessTtl, onGrant, serverName } = options;
  const now = options.now();
  const { serverId, clientId, subject, scopes, source } = code;
  const grantId = createId(random, GRANT_ID_BYTES);
  const endsAt = now + Math.max(accessTtl, refreshTtl * REFRESH_LIFETIMES);
  const access = issueAccess(options, { grantId, scopes, resources, endsAt });
  const refresh = mayRefresh(client, scopes) ? issueRefresh(options, { grantId, endsAt }) : undefined;
  const expiresAt = Math.max(access.record.expiresAt, refresh?.record.expiresAt ?? 0);
  const host = displayHost(clientId, code.redirectUri);
  const clientName = displayClient(code.clientName, host);
  const grant: Grant = {
    id: grantId,
    serverId,
    serverName,
    clientId,
    clientName,
    host,
    source,
    subject,
    scopes,
    resources: code.resources,
    createdAt: now,
    renewedAt: now,
    usedAt: null,
    expiresAt,
    endsAt,
  };
  const records = { grant, access: access.record, ...(refresh ? { refresh: refresh.record } : {}) };
  if (!(await store.redeemCode(code.hash, records, now))) return refuseReplay(options, code.hash);
  onGrant({ state: "issued", clientId, clientName, subject, grantId, scopes });
  return describeTokens(access, refresh?.token, now);
}

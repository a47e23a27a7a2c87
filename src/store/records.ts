// The records of the authorization server, which mean the same in every kind of store.
// Times are milliseconds since the epoch. Codes, tokens and client secrets are here only as SHA-256 hashes.

/** RFC 7591 §2, as registered; names are those of the wire. */
export interface ClientMetadata {
  redirect_uris: readonly string[];
  token_endpoint_auth_method: "none" | "client_secret_post" | "client_secret_basic" | "private_key_jwt";
  /** Of a client with a metadata document: each way it may authenticate. */
  token_endpoint_auth_methods_supported?: readonly string[];
  /** Public keys (RFC 7517 §5), or where they are. */
  jwks?: { keys: readonly Record<string, unknown>[] };
  jwks_uri?: string;
  grant_types: readonly string[];
  response_types: readonly string[];
  client_name?: string;
  client_uri?: string;
  logo_uri?: string;
  tos_uri?: string;
  policy_uri?: string;
  scope?: string;
  contacts?: readonly string[];
  application_type?: string;
  software_id?: string;
  software_version?: string;
}

/** A client that registered itself, or that has a metadata document: then its id is the document's URL. */
export interface ClientRecord {
  id: string;
  /** `null` for a public client. */
  secretHash: string | null;
  metadata: ClientMetadata;
  createdAt: number;
}

/** An approval: a person lets a client do something, at some place. */
export interface Approval {
  /** Fingerprint of the wrapped server; a grant is worth nothing to another server. */
  serverId: string;
  clientId: string;
  subject: string;
  scopes: readonly string[];
  resources: readonly string[];
}

export interface CodeRecord extends Approval {
  hash: string;
  redirectUri: string;
  /** PKCE `code_challenge`, method S256. */
  challenge: string;
  /** The address of the person who approved. */
  source: string;
  /** As it was on the approval page. */
  clientName: string;
  expiresAt: number;
}

/** A code as it was stored; `grantId` is set once it was redeemed. */
export interface StoredCode extends CodeRecord {
  grantId: string | null;
}

export interface Grant extends Approval {
  id: string;
  /** Names as they were on the approval page, for people. */
  serverName: string;
  clientName: string;
  /** The host that stands for the client: the one that publishes its document, or the one its answers go to. */
  host: string;
  /** The address of the person who approved. */
  source: string;
  createdAt: number;
  /** When tokens were last issued for it. */
  renewedAt: number;
  /** When a token of it was last shown, to the minute or so. */
  usedAt: number | null;
  /** When the last token runs out, unless it is refreshed before. */
  expiresAt: number;
  /** No refresh goes beyond this. */
  endsAt: number;
}

export interface AccessRecord {
  hash: string;
  grantId: string;
  scopes: readonly string[];
  resources: readonly string[];
  issuedAt: number;
  expiresAt: number;
}

/** An access token together with whom it stands for. */
export interface StoredAccess extends Approval {
  grantId: string;
  /** As it was on the approval page. */
  clientName: string;
  issuedAt: number;
  expiresAt: number;
}

/** A refresh token as the store knows it. */
export interface RefreshName {
  hash: string;
  /** Hash of what all refresh tokens of a grant have in common. */
  family: string;
}

export interface RefreshRecord extends RefreshName {
  grantId: string;
  issuedAt: number;
  expiresAt: number;
}

export interface StoredRefresh {
  grantId: string;
  issuedAt: number;
  expiresAt: number;
  grant: Grant;
  /** Set once it was exchanged: for a while the successor, sealed so that only this token opens it, and when. */
  replaced: { at: number; encryptedSuccessor: string } | "long ago" | null;
}

export interface Rotation {
  /** The refresh token that is used up. */
  hash: string;
  encryptedSuccessor: string;
  successor: RefreshRecord;
  access: AccessRecord;
  /** The grant's new `expiresAt`. */
  expiresAt: number;
}

/**
 * `client`: at the revocation endpoint. `owner`: with `mcp-expose grants`. `replay`: a code or token was used twice.
 * `unconfigured`: the person who approved it can no longer sign in.
 */
export type RevocationReason = "client" | "owner" | "replay" | "unconfigured";

export interface Revocation extends Pick<Grant, "clientId" | "clientName" | "subject"> {
  grantId: string;
  reason: RevocationReason;
}

/** A grant that has ended, for people. */
export interface EndedGrant extends Pick<Grant, "id" | "clientId" | "clientName" | "subject"> {
  endedAt: number;
}

/** The people who may approve access to a server under its URLs. */
export interface Configured {
  serverId: string;
  resources: readonly string[];
  subjects: { has(subject: string): boolean };
}

export interface Revocations {
  /** To be passed to the next call. */
  cursor: number;
  revoked: readonly Revocation[];
}

/** The limit of clients that no one has approved, and which of them make room for one more. */
export interface ClientRoom {
  limit: number;
  /** Where the new one comes from. The network with the most clients gives one up, and the oldest of its go first. */
  network: string;
  /** Clients whose approval page was shown after this are being approved, and go last. */
  shownSince: number;
}

/** Access tokens of one grant that are good at a time; the oldest make room. No client has use for so many. */
export const ACCESS_TOKENS_KEPT = 1000;

export interface SweepBounds {
  /** Clients without an approval go unless their page was shown after this. */
  unusedBefore: number;
  /** Refresh tokens that were used before lead to no successor any more. */
  graceBegan: number;
}

/** A server that was started with this store before. */
export interface ServerRecord {
  /** Random; grants, sessions and tool lists name it. */
  id: string;
  /** What it is called and where it runs: equal for the same server. */
  place: string;
  /** Hash of the command it was last started with. */
  command: string;
}

/** A session of streamable HTTP, so that it goes on when nothing of it is in memory. */
export interface SessionRecord {
  /** SHA-256 of its id. */
  hash: string;
  serverId: string;
  /** The person and client it belongs to, as in `Caller.key`. */
  callerKey: string;
  /** The grant of the token that was last used with it; `null` where no one signs in. */
  grantId: string | null;
  /** What its client has said of itself, as text that only `eras/` reads. */
  setup: string;
  /** When it was last used, to the hour or so. */
  usedAt: number;
}

/** How many sessions are kept. The ones that were not used for the longest time go first. */
export interface SessionBounds {
  perCaller: number;
  inAll: number;
  /** Those last used before this are gone. */
  usedAfter: number;
}

/** The list of tools that a client fetched last. */
export interface ToolListRecord {
  serverId: string;
  callerKey: string;
  fetchedAt: number;
  /** As text that only `eras/` reads. */
  tools: string;
}

/** How many of these lists are kept. The ones that were not fetched for the longest time go first. */
export interface ToolListBounds {
  perServer: number;
  /** Those last fetched before this are gone. */
  fetchedAfter: number;
}

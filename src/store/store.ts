// What the authorization server remembers, in terms of records: the contract every kind of store implements.
// Each operation is one atomic step, so that a store shared by several processes keeps its promises.
// Times are milliseconds since the epoch. Codes, tokens and client secrets come in only as SHA-256 hashes.

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

/** What was approved: who lets which client do what, and where. */
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
  /** Where whoever approved sat. */
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
  /** Who is behind the client: whoever publishes its document, or where its answers go. */
  host: string;
  /** Where whoever approved sat. */
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

/** What a refresh token is known by. */
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
  replaced: { at: number; sealedSuccessor: string } | "long ago" | null;
}

export interface Rotation {
  /** The refresh token that is used up. */
  hash: string;
  sealedSuccessor: string;
  successor: RefreshRecord;
  access: AccessRecord;
  /** The grant's new `expiresAt`. */
  expiresAt: number;
}

/**
 * `client`: at the revocation endpoint. `owner`: with `mcp-expose grants`. `replay`: a code or token was used twice.
 * `unconfigured`: whoever approved it can no longer sign in.
 */
export type RevocationReason = "client" | "owner" | "replay" | "unconfigured";

export interface Revocation extends Pick<Grant, "clientId" | "clientName" | "subject"> {
  grantId: string;
  reason: RevocationReason;
}

/** A grant that is no more, for people. */
export interface EndedGrant extends Pick<Grant, "id" | "clientId" | "clientName" | "subject"> {
  endedAt: number;
}

/** Who may have access to a server under its URLs; what others approved there ends. */
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

/** How many clients are kept that nobody ever approved, and which make room for one more. */
export interface ClientRoom {
  limit: number;
  /** Where the new one comes from. The network with the most clients gives one up, and the oldest of its go first. */
  network: string;
  /** Clients whose approval page was shown after this are being approved, and go last. */
  askedSince: number;
}

/** Access tokens of one grant that are good at a time; the oldest make room. No client has use for so many. */
export const ACCESS_TOKENS_KEPT = 1000;

export interface SweepBounds {
  /** Clients that nobody approved go when nobody has looked at them since. */
  unusedBefore: number;
  /** Refresh tokens that were used before lead to no successor any more. */
  graceBegan: number;
}

export interface Store {
  /** Keeps a client that nobody has approved yet, and of those no more than the room allows. */
  addClient(client: ClientRecord, room: ClientRoom): void;
  /** A person looks at the approval page of this client. */
  noteAsked(id: string, now: number): void;
  /** Keeps what the document of a client says that somebody has just approved; the client counts as used. */
  keepClient(client: ClientRecord, now: number): void;
  findClient(id: string): ClientRecord | undefined;
  /** Whether somebody has ever approved the client. */
  wasApproved(id: string): boolean;
  /** Whether somebody lets the client in: a grant of it lives, or a code that is still good. */
  hasAccess(id: string, now: number): boolean;

  /** From now on the client counts as used, and stays. */
  addCode(code: CodeRecord, now: number): void;
  /** Whether an answer of this server went there for the client, by an approval that still stands. */
  wasAnswered(to: Pick<CodeRecord, "serverId" | "clientId" | "redirectUri">, now: number): boolean;
  /** A code that is still good, or was redeemed for a grant that lives. */
  findCode(hash: string, now: number): StoredCode | undefined;
  /** Uses the code up and stores what was issued for it; false when somebody was faster or it ran out. */
  redeemCode(
    hash: string,
    issued: { grant: Grant; access: AccessRecord; refresh?: RefreshRecord },
    now: number,
  ): boolean;

  findAccess(hash: string, now: number): StoredAccess | undefined;
  /** One more access token for a grant; false when the grant is gone. */
  addAccess(access: AccessRecord): boolean;
  removeAccess(hash: string): void;

  /** One that is still good; and whatever else is of a family that lives, which must have been used. */
  findRefresh(name: RefreshName, now: number): StoredRefresh | undefined;
  /** Uses the refresh token up and stores its successor; false when somebody was faster or the grant is gone. */
  rotateRefresh(rotation: Rotation, now: number): boolean;

  /** Uses a client's assertion up; false when it was used before. */
  useAssertion(hash: string, expiresAt: number, now: number): boolean;

  listGrants(now: number): Grant[];
  /** @param times by grant */
  noteUses(times: ReadonlyMap<string, number>): void;
  /** Grants that ended for this reason, as long as that is remembered. */
  listEnded(now: number, reason: RevocationReason): EndedGrant[];
  /** Ends the grant and all its tokens; false when there is none. */
  revokeGrant(id: string, now: number, reason: RevocationReason): boolean;
  /** Ends every grant and every code not yet redeemed, for the owner. @returns the number of grants */
  revokeAllGrants(now: number): number;
  /** Ends for good what others than these have approved for that server, codes not yet redeemed included. */
  revokeUnconfigured(configured: Configured, now: number): void;
  /** Grants of `serverId` revoked since `cursor`, by whatever process; without a cursor, only where to start. */
  revocationsAfter(cursor: number | undefined, serverId: string): Revocations;

  /** Deletes what has run out, clients that nobody approved or looked at in time, and what used tokens lead to. */
  sweep(now: number, bounds: SweepBounds): void;
  close(): void;
}

// The contract that every kind of store implements: for the authorization server, and for what outlives a run.
//
// Each operation is one atomic step, also towards other processes with the same store: callers decide nothing between
// two of them that a third party could make untrue. Where the steps of two operations meet, the outcome is that of one
// after the other. What an operation needs for that is said with it, in words of PostgreSQL at READ COMMITTED:
// "one statement", or "a transaction" with what must be locked or read in it. What comes second gets `false` or
// `undefined` as described, never an error.
//
// An operation that cannot be done now throws or rejects; nothing of it has happened then, or all of it, which the
// caller cannot know. `oauth/store-failure.ts` makes a 503 of it.
import type {
  AccessRecord,
  ClientRecord,
  ClientRoom,
  CodeRecord,
  Configured,
  EndedGrant,
  Grant,
  RefreshName,
  RefreshRecord,
  RevocationReason,
  Revocations,
  Rotation,
  ServerRecord,
  SessionBounds,
  SessionRecord,
  StoredAccess,
  StoredCode,
  StoredRefresh,
  SweepBounds,
  ToolListBounds,
  ToolListRecord,
} from "./records.ts";

export type * from "./records.ts";
export { ACCESS_TOKENS_KEPT } from "./records.ts";

/** The answer, or a promise of it: a store in this process answers at once, one behind a connection cannot. */
export type Later<T> = T | Promise<T>;

/** The hot reads: asked with every request, and again while something stays open. */
export interface AccessIndex {
  /**
   * An access token that is still good. One statement. A store that can answer at once must not make a promise of it; one
   * in another process keeps an index of what it has found, and answers from that.
   */
  findAccess(hash: string, now: number): Later<StoredAccess | undefined>;
  /**
   * The same for a token that `findAccess` has found, while a request or a stream goes on with it; never waits. A token that
   * this process has ended is gone from here before that operation is answered, one that another process has ended before
   * `revocationsAfter` reports it; an answer of `findAccess` that was under way then must not bring it back. A token that
   * is not known here counts as ended, and its streams end: an index keeps the last 10,000 that were used.
   */
  recallAccess(hash: string, now: number): StoredAccess | undefined;
}

export interface Store extends AccessIndex {
  /**
   * Keeps a client that no one has approved yet, and of those no more than the room allows: the new one stays, and
   * others go. A transaction, or else a burst ends above the limit; one a second is plenty, so it may lock the table.
   */
  addClient(client: ClientRecord, room: ClientRoom): Later<void>;
  /** The approval page of this client is shown to a person. One statement. */
  noteShown(id: string, now: number): Later<void>;
  findClient(id: string): Later<ClientRecord | undefined>;
  /** Whether the client has ever been approved. */
  wasApproved(id: string): Later<boolean>;
  /** Whether the client has access: a grant that lives, or a code that is still good. One statement. */
  hasAccess(id: string, now: number): Later<boolean>;

  /**
   * Keeps a code; from now on its client counts as used, and stays. With `document`, what the metadata document of the
   * client says is kept too, in place of what it said before. A transaction: a client must not count as used without a code.
   */
  addCode(code: CodeRecord, now: number, document?: ClientRecord): Later<void>;
  /** Whether an answer of this server went there for the client, by an approval that still stands. One statement. */
  wasAnswered(to: Pick<CodeRecord, "serverId" | "clientId" | "redirectUri">, now: number): Later<boolean>;
  /** A code that is still good, or was redeemed for a grant that lives. One statement. */
  findCode(hash: string, now: number): Later<StoredCode | undefined>;
  /**
   * Uses the code up and stores what was issued for it; false when another request was faster, it ran out, or it is gone.
   * A transaction that begins with `UPDATE … SET grant_id WHERE hash AND grant_id IS NULL AND expires_at > now` and goes
   * on only if that changed a row: of many at once one wins, and the others find the winner's grant with `findCode`.
   */
  redeemCode(
    hash: string,
    issued: { grant: Grant; access: AccessRecord; refresh?: RefreshRecord },
    now: number,
  ): Later<boolean>;

  /**
   * One more access token for a grant; false when the grant is gone, also if it ends meanwhile. A transaction, or one
   * statement that inserts from the grant's row under `FOR KEY SHARE`. Of more than `ACCESS_TOKENS_KEPT` the oldest go.
   */
  addAccess(access: AccessRecord): Later<boolean>;
  /** One statement. */
  removeAccess(hash: string): Later<void>;

  /**
   * One that is still good; and whatever else is of a family that lives, which must have been used. One statement, or a
   * transaction at REPEATABLE READ: token, family and grant must be seen at one moment, since a token that is not there
   * while its family is counts as stolen.
   */
  findRefresh(name: RefreshName, now: number): Later<StoredRefresh | undefined>;
  /**
   * Uses the refresh token up and stores its successor; false when another request was faster or the grant is gone, also
   * if it ends meanwhile. A transaction that begins with `UPDATE … SET replaced_at WHERE hash AND replaced_at IS NULL`,
   * as `redeemCode` does: a family never has two tokens that are good.
   */
  rotateRefresh(rotation: Rotation, now: number): Later<boolean>;

  /** Uses a client's assertion up; false when it was used before. One `INSERT … ON CONFLICT DO NOTHING`. */
  useAssertion(hash: string, expiresAt: number, now: number): Later<boolean>;

  listGrants(now: number): Later<Grant[]>;
  /** @param times by grant. May be done one by one: it is for people, to the minute. */
  noteUses(times: ReadonlyMap<string, number>): Later<void>;
  /** Grants that ended for this reason, as long as that is remembered. */
  listEnded(now: number, reason: RevocationReason): Later<EndedGrant[]>;
  /**
   * Ends the grant, all its tokens and the sessions that were last used with them; false when there is none. A transaction: of several that end the same grant one notes it, and
   * a rotation or a new access token under way at the same time leaves nothing that is good.
   */
  revokeGrant(id: string, now: number, reason: RevocationReason): Later<boolean>;
  /**
   * Ends every grant and every code not yet redeemed, for the owner. A transaction that deletes the codes first, which
   * waits for redemptions under way, and then reads the grants: none that was approved before is good afterwards.
   *
   * @returns the number of grants
   */
  revokeAllGrants(now: number): Later<number>;
  /** Ends for good what others than these have approved for that server, codes not yet redeemed included. As above. */
  revokeUnconfigured(configured: Configured, now: number): Later<void>;
  /**
   * Grants of `serverId` revoked since `cursor`, by whatever process; without a cursor, only where to start. Revocations
   * are numbered in the order in which they can be seen: with a sequence alone, one that commits late would be passed
   * over, so those who write them take a lock, such as `pg_advisory_xact_lock`.
   */
  revocationsAfter(cursor: number | undefined, serverId: string): Later<Revocations>;

  /**
   * The server at a place; where there was none, `created` becomes it. Notes the command it is started with now. A
   * transaction: two that start at once get the same id.
   *
   * @returns the server as it was before: its `command` is that of its last start
   */
  identifyServer(created: ServerRecord): Later<ServerRecord>;
  /** A secret key of this store; `created` becomes it where there was none. One `INSERT … ON CONFLICT DO NOTHING`, then a read. */
  openKey(name: string, created: Uint8Array): Later<Uint8Array>;

  /**
   * Keeps sessions, in place of what was kept of them, and no more than the bounds allow; one whose grant has been revoked
   * is not kept any more. A transaction: it and `revokeGrant` take the same lock, or else the session could outlive its grant.
   */
  keepSessions(sessions: readonly SessionRecord[], bounds: SessionBounds): Later<void>;
  /** One statement. */
  findSession(hash: string, serverId: string, usedAfter: number): Later<SessionRecord | undefined>;
  /** One statement. */
  removeSessions(hashes: readonly string[]): Later<void>;

  /** Keeps lists, in place of what was kept of their clients, and no more than the bounds allow. A transaction. */
  keepToolLists(lists: readonly ToolListRecord[], bounds: ToolListBounds): Later<void>;
  /** One statement. */
  findToolList(serverId: string, callerKey: string): Later<ToolListRecord | undefined>;

  /**
   * Deletes what has run out, clients that were neither approved nor looked at in time, and the successors of used tokens.
   * Need not be one step: what has run out is never returned, swept or not.
   */
  sweep(now: number, bounds: SweepBounds): Later<void>;
  /** Waits for what is under way. Nothing is asked afterwards. */
  close(): Later<void>;
}

/** A store that answers at once, whatever it is asked. */
export type SyncStore = {
  [Name in keyof Store]: (...args: Parameters<Store[Name]>) => Awaited<ReturnType<Store[Name]>>;
};

/** Goes on with what a store answers: at once where it answers at once. */
export function whenKnown<T, R>(answer: Later<T>, proceed: (value: T) => Later<R>): Later<R> {
  return answer instanceof Promise ? answer.then(proceed) : proceed(answer);
}

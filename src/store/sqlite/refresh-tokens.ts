// Refresh tokens in the SQLite store. Of each grant the present one is kept until the grant ends, and a used one for as
// long as it leads to its successor; any other token of the family has been used before that, and needs no row to be
// known for it. So neither time nor many exchanges make us forget one that was stolen (RFC 9700 §4.14.2).
import type { Database } from "bun:sqlite";
import { GRANT_COLUMNS } from "./grants.ts";
import { prepareAccessInsert } from "./access-tokens.ts";
import { type RowOf, transaction, unflatten } from "./rows.ts";
import type { Grant, RefreshName, RefreshRecord, Rotation, StoredRefresh, SyncStore } from "../store.ts";

interface RefreshRow {
  grantId: string;
  issuedAt: number;
  expiresAt: number;
  replacedAt: number | null;
  encryptedSuccessor: string | null;
}

export function createRefreshTokens(db: Database): Pick<SyncStore, "findRefresh" | "rotateRefresh"> {
  const replace = db.prepare<null, [number, string, string, number]>(
    `UPDATE refresh_tokens SET replaced_at = ?, sealed_successor = ?
      WHERE hash = ? AND replaced_at IS NULL AND expires_at > ?`,
  );
  const renew = db.prepare<null, [number, number, string]>(
    "UPDATE grants SET renewed_at = ?, expires_at = ? WHERE id = ?",
  );
  const insertAccess = prepareAccessInsert(db);
  const insertRefresh = prepareRefreshInsert(db);
  return {
    findRefresh: db.transaction(prepareFind(db)),
    rotateRefresh: transaction(db, (rotation: Rotation, now: number) => {
      if (replace.run(now, rotation.encryptedSuccessor, rotation.hash, now).changes === 0) return false;
      insertRefresh(rotation.successor);
      insertAccess(rotation.access);
      renew.run(now, rotation.expiresAt, rotation.access.grantId);
      return true;
    }),
  };
}

function prepareFind(db: Database): SyncStore["findRefresh"] {
  const columns = "grant_id AS grantId, issued_at AS issuedAt, expires_at AS expiresAt";
  const find = db.prepare<RefreshRow, [string]>(
    `SELECT ${columns}, replaced_at AS replacedAt, sealed_successor AS encryptedSuccessor
      FROM refresh_tokens WHERE hash = ?`,
  );
  const findPresent = db.prepare<Pick<RefreshRow, "grantId" | "issuedAt" | "expiresAt">, [string]>(
    `SELECT ${columns} FROM refresh_tokens WHERE family = ? AND replaced_at IS NULL`,
  );
  const findGrant = db.prepare<RowOf<Grant>, [string, number]>(
    `SELECT ${GRANT_COLUMNS} FROM grants WHERE id = ? AND expires_at > ?`,
  );
  return ({ hash, family }: RefreshName, now: number): StoredRefresh | undefined => {
    const row = find.get(hash);
    if (row && row.expiresAt <= now) return undefined;
    const found = row ?? findPresent.get(family);
    const grant = found && findGrant.get(found.grantId, now);
    if (!found || !grant) return undefined;
    const { grantId, issuedAt, expiresAt } = found;
    return {
      grantId,
      issuedAt,
      expiresAt,
      grant: unflatten(grant),
      replaced: row ? describeUse(row) : "long ago",
    };
  };
}

function describeUse({ replacedAt, encryptedSuccessor }: RefreshRow): StoredRefresh["replaced"] {
  if (replacedAt === null) return null;
  return encryptedSuccessor === null ? "long ago" : { at: replacedAt, encryptedSuccessor };
}

/** Part of several transactions. */
export function prepareRefreshInsert(db: Database): (refresh: RefreshRecord) => void {
  const insert = db.prepare<null, [string, string, string, number, number]>(
    "INSERT INTO refresh_tokens (hash, family, grant_id, issued_at, expires_at) VALUES (?, ?, ?, ?, ?)",
  );
  return ({ hash, family, grantId, issuedAt, expiresAt }) =>
    void insert.run(hash, family, grantId, issuedAt, expiresAt);
}

/** Tokens from before there were families are known by their rows alone, and those are kept. */
export function prepareRefreshSweep(db: Database): (now: number, graceBegan: number) => void {
  const forgetUsed = db.prepare<null, [number]>(
    "DELETE FROM refresh_tokens WHERE family IS NOT NULL AND replaced_at < ?",
  );
  const forgetSuccessors = db.prepare<null, [number]>(
    `UPDATE refresh_tokens SET sealed_successor = NULL
      WHERE family IS NULL AND sealed_successor IS NOT NULL AND replaced_at < ?`,
  );
  const forgetOld = db.prepare<null, [number]>(
    "DELETE FROM refresh_tokens WHERE family IS NULL AND expires_at <= ?",
  );
  return (now, graceBegan) => {
    forgetUsed.run(graceBegan);
    forgetSuccessors.run(graceBegan);
    forgetOld.run(now);
  };
}

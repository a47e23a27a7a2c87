// Inserts of tokens, which several operations make part of their transaction.
import type { Database } from "bun:sqlite";
import { flatten } from "./rows.ts";
import { ACCESS_TOKENS_KEPT, type AccessRecord, type RefreshRecord } from "../store.ts";

/** Nothing is inserted when the grant is gone; of too many, the oldest go. */
export function prepareAccessInsert(db: Database): (access: AccessRecord) => boolean {
  const insert = db.prepare<null, [Record<string, string | number>]>(
    `INSERT INTO access_tokens (hash, grant_id, scopes, resources, issued_at, expires_at)
      SELECT $hash, id, $scopes, $resources, $issuedAt, $expiresAt FROM grants WHERE id = $grantId`,
  );
  const makeRoom = db.prepare<null, [string, number]>(
    `DELETE FROM access_tokens WHERE hash IN
      (SELECT hash FROM access_tokens WHERE grant_id = ? ORDER BY issued_at DESC, hash LIMIT -1 OFFSET ?)`,
  );
  return (access) => {
    if (insert.run(flatten(access)).changes === 0) return false;
    makeRoom.run(access.grantId, ACCESS_TOKENS_KEPT);
    return true;
  };
}

export function prepareRefreshInsert(db: Database): (refresh: RefreshRecord) => void {
  const insert = db.prepare<null, [string, string, string, number, number]>(
    "INSERT INTO refresh_tokens (hash, family, grant_id, issued_at, expires_at) VALUES (?, ?, ?, ?, ?)",
  );
  return ({ hash, family, grantId, issuedAt, expiresAt }) =>
    void insert.run(hash, family, grantId, issuedAt, expiresAt);
}

// Inserts of tokens, which several operations make part of their transaction.
import type { Database } from "bun:sqlite";
import { flatten } from "./sqlite-rows.ts";
import type { AccessRecord, RefreshRecord } from "./store.ts";

/** Nothing is inserted when the grant is gone. */
export function prepareAccessInsert(db: Database): (access: AccessRecord) => boolean {
  const insert = db.prepare<null, [Record<string, string | number>]>(
    `INSERT INTO access_tokens (hash, grant_id, scopes, resources, issued_at, expires_at)
      SELECT $hash, id, $scopes, $resources, $issuedAt, $expiresAt FROM grants WHERE id = $grantId`,
  );
  return (access) => insert.run(flatten(access)).changes > 0;
}

export function prepareRefreshInsert(db: Database): (refresh: RefreshRecord) => void {
  const insert = db.prepare<null, [string, string, number, number]>(
    "INSERT INTO refresh_tokens (hash, grant_id, issued_at, expires_at) VALUES (?, ?, ?, ?)",
  );
  return ({ hash, grantId, issuedAt, expiresAt }) => void insert.run(hash, grantId, issuedAt, expiresAt);
}

// Access tokens in the SQLite store, and the hot read: which of them is good, asked with every request of every client.
import type { Database } from "bun:sqlite";
import { createReadCache } from "./read-cache.ts";
import { flatten, type RowOf, transaction, unflatten } from "./rows.ts";
import { ACCESS_TOKENS_KEPT, type AccessRecord, type StoredAccess, type SyncStore } from "../store.ts";

type AccessOperations = "addAccess" | "findAccess" | "recallAccess" | "removeAccess";

export function createAccessTokens(db: Database): Pick<SyncStore, AccessOperations> {
  const find = db.prepare<RowOf<StoredAccess>, [string]>(
    `SELECT t.grant_id AS grantId, t.issued_at AS issuedAt, t.expires_at AS expiresAt, t.scopes, t.resources,
        g.server_id AS serverId, g.client_id AS clientId, g.client_name AS clientName, g.subject
      FROM access_tokens t JOIN grants g ON g.id = t.grant_id WHERE t.hash = ?`,
  );
  const read = createReadCache(db, (hash) => {
    const row = find.get(hash);
    return row ? unflatten(row) : undefined;
  });
  const remove = db.prepare<null, [string]>("DELETE FROM access_tokens WHERE hash = ?");
  const findAccess = (hash: string, now: number) => {
    const access = read(hash);
    return access !== undefined && access.expiresAt > now ? access : undefined;
  };
  return {
    addAccess: transaction(db, prepareAccessInsert(db)),
    findAccess,
    recallAccess: findAccess,
    removeAccess: (hash) => void remove.run(hash),
  };
}

/** Part of several transactions. Nothing is inserted when the grant is gone; of too many, the oldest go. */
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

// Grants in the SQLite store: who has access, and the end of it. What is remembered of the end: revocations.ts.
import type { Database } from "bun:sqlite";
import { prepareRevocationNote } from "./revocations.ts";
import { flatten, type RowOf, transaction, unflatten } from "./rows.ts";
import type { Approval, Configured, Grant, SyncStore } from "../store.ts";

export const GRANT_COLUMNS = `id, server_id AS serverId, server_name AS serverName, client_id AS clientId,
  client_name AS clientName, host, source, subject, scopes, resources, created_at AS createdAt, renewed_at AS renewedAt,
  used_at AS usedAt, expires_at AS expiresAt, ends_at AS endsAt`;

type GrantOperations = "noteUses" | "listGrants" | "revokeGrant" | "revokeAllGrants" | "revokeUnconfigured";

export function createGrants(db: Database): Pick<SyncStore, GrantOperations> {
  const list = db.prepare<RowOf<Grant>, [number]>(
    `SELECT ${GRANT_COLUMNS} FROM grants WHERE expires_at > ? ORDER BY created_at, id`,
  );
  const noteUse = db.prepare<null, [number, string]>("UPDATE grants SET used_at = ? WHERE id = ?");
  const noteEnd = prepareRevocationNote(db);
  const remove = db.prepare<null, [string]>("DELETE FROM grants WHERE id = ?");
  const listCodes = db.prepare<RowOf<Approval> & { hash: string }, []>(
    `SELECT hash, server_id AS serverId, client_id AS clientId, subject, scopes, resources
      FROM codes WHERE grant_id IS NULL`,
  );
  const removeCode = db.prepare<null, [string]>("DELETE FROM codes WHERE hash = ?");
  return {
    listGrants: (now) => list.all(now).map((row) => unflatten(row)),
    noteUses: transaction(db, (times) => {
      for (const [id, at] of times) noteUse.run(at, id);
    }),
    revokeGrant: transaction(db, (id, now, reason) => {
      noteEnd(id, now, reason);
      return remove.run(id).changes > 0;
    }),
    revokeAllGrants: transaction(db, (now) => {
      const count = list.all(now).length;
      noteEnd(null, now, "owner");
      db.run("DELETE FROM grants");
      db.run("DELETE FROM codes");
      return count;
    }),
    revokeUnconfigured: transaction(db, (configured, now) => {
      for (const { id } of list.all(now).filter((row) => isUnconfigured(row, configured))) {
        noteEnd(id, now, "unconfigured");
        remove.run(id);
      }
      for (const { hash } of listCodes.all().filter((row) => isUnconfigured(row, configured)))
        removeCode.run(hash);
    }),
  };
}

/** Part of the transaction that redeems a code. */
export function prepareGrantInsert(db: Database): (grant: Grant) => void {
  const insert = db.prepare<null, [Record<string, string | number>]>(
    `INSERT INTO grants (id, server_id, server_name, client_id, client_name, host, source, subject, scopes,
        resources, created_at, renewed_at, used_at, expires_at, ends_at)
      VALUES ($id, $serverId, $serverName, $clientId, $clientName, $host, $source, $subject, $scopes,
        $resources, $createdAt, $renewedAt, $usedAt, $expiresAt, $endsAt)`,
  );
  return (grant) => void insert.run(flatten(grant));
}

function isUnconfigured(row: RowOf<Approval>, { serverId, resources, subjects }: Configured): boolean {
  const isOurs = row.serverId === serverId && row.resources.split(" ").some((one) => resources.includes(one));
  return isOurs && !subjects.has(row.subject);
}

// Grants in the SQLite store, and what is remembered of those that ended.
import type { Database } from "bun:sqlite";
import { type Row, transaction, unflatten } from "./rows.ts";
import type {
  Approval,
  Configured,
  EndedGrant,
  Grant,
  Revocation,
  RevocationReason,
  Store,
} from "../store.ts";

const HOUR_MS = 3_600_000;
/**
 * An hour is long enough for every running server to have seen it. Whoever wonders why an app is out, since nobody
 * revoked it, finds the reason for a month.
 */
const KEPT_MS: Readonly<Record<RevocationReason, number>> = {
  client: HOUR_MS,
  owner: HOUR_MS,
  replay: HOUR_MS,
  unconfigured: 30 * 24 * HOUR_MS,
};

export const GRANT_COLUMNS = `id, server_id AS serverId, server_name AS serverName, client_id AS clientId,
  client_name AS clientName, host, source, subject, scopes, resources, created_at AS createdAt, renewed_at AS renewedAt,
  used_at AS usedAt, expires_at AS expiresAt, ends_at AS endsAt`;

type GrantOperations =
  | "noteUses"
  | "listGrants"
  | "listEnded"
  | "revokeGrant"
  | "revokeAllGrants"
  | "revokeUnconfigured"
  | "revocationsAfter";

export function createGrants(db: Database): Pick<Store, GrantOperations> {
  const list = db.prepare<Row<Grant>, [number]>(
    `SELECT ${GRANT_COLUMNS} FROM grants WHERE expires_at > ? ORDER BY created_at, id`,
  );
  const listEnded = db.prepare<EndedGrant, [string, number]>(
    `SELECT grant_id AS id, client_id AS clientId, client_name AS clientName, subject, at AS endedAt
      FROM revocations WHERE reason = ? AND at > ? ORDER BY seq`,
  );
  const noteUse = db.prepare<null, [number, string]>("UPDATE grants SET used_at = ? WHERE id = ?");
  const note = db.prepare<null, [number, string | null, RevocationReason]>(
    `INSERT INTO revocations (grant_id, server_id, client_id, client_name, subject, at, reason)
      SELECT id, server_id, client_id, client_name, subject, ?1, ?3 FROM grants WHERE ?2 IS NULL OR id = ?2`,
  );
  const remove = db.prepare<null, [string]>("DELETE FROM grants WHERE id = ?");
  const listCodes = db.prepare<Row<Approval> & { hash: string }, []>(
    `SELECT hash, server_id AS serverId, client_id AS clientId, subject, scopes, resources
      FROM codes WHERE grant_id IS NULL`,
  );
  const removeCode = db.prepare<null, [string]>("DELETE FROM codes WHERE hash = ?");
  const latest = db.prepare<{ cursor: number }, []>(
    "SELECT coalesce(max(seq), 0) AS cursor FROM revocations",
  );
  const after = db.prepare<Revocation & { cursor: number }, [number, string]>(
    `SELECT seq AS cursor, grant_id AS grantId, client_id AS clientId, client_name AS clientName, subject, reason
      FROM revocations WHERE seq > ? AND server_id = ? ORDER BY seq`,
  );
  return {
    listGrants: (now) => list.all(now).map((row) => unflatten(row)),
    listEnded: (now, reason) => listEnded.all(reason, now - KEPT_MS[reason]),
    noteUses: transaction(db, (times) => {
      for (const [id, at] of times) noteUse.run(at, id);
    }),
    revokeGrant: transaction(db, (id, now, reason) => {
      note.run(now, id, reason);
      return remove.run(id).changes > 0;
    }),
    revokeAllGrants: transaction(db, (now) => {
      const count = list.all(now).length;
      note.run(now, null, "owner");
      db.run("DELETE FROM grants");
      db.run("DELETE FROM codes");
      return count;
    }),
    revokeUnconfigured: transaction(db, (configured, now) => {
      for (const { id } of list.all(now).filter((row) => isUnconfigured(row, configured))) {
        note.run(now, id, "unconfigured");
        remove.run(id);
      }
      for (const { hash } of listCodes.all().filter((row) => isUnconfigured(row, configured)))
        removeCode.run(hash);
    }),
    revocationsAfter: (cursor, serverId) => {
      if (cursor === undefined) return { cursor: latest.get()?.cursor ?? 0, revoked: [] };
      const rows = after.all(cursor, serverId);
      return { cursor: rows.at(-1)?.cursor ?? cursor, revoked: rows.map(toRevocation) };
    },
  };
}

function isUnconfigured(row: Row<Approval>, { serverId, resources, subjects }: Configured): boolean {
  const isOurs = row.serverId === serverId && row.resources.split(" ").some((one) => resources.includes(one));
  return isOurs && !subjects.has(row.subject);
}

export function prepareRevocationSweep(db: Database): (now: number) => void {
  const forget = db.prepare<null, [string, number]>("DELETE FROM revocations WHERE reason = ? AND at <= ?");
  return (now) => {
    for (const [reason, kept] of Object.entries(KEPT_MS)) forget.run(reason, now - kept);
  };
}

function toRevocation({ grantId, clientId, clientName, subject, reason }: Revocation): Revocation {
  return { grantId, clientId, clientName, subject, reason };
}

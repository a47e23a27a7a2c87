// Grants that have ended, in the SQLite store: running servers learn of them, and people find the reason.
import type { Database } from "bun:sqlite";
import type { EndedGrant, Revocation, RevocationReason, SyncStore } from "../store.ts";

const HOUR_MS = 3_600_000;
/**
 * An hour is long enough for every running server to have seen it. A grant that ended without being revoked can be
 * looked up for a month: the person whose app lost its access will ask why.
 */
const KEPT_MS: Readonly<Record<RevocationReason, number>> = {
  client: HOUR_MS,
  owner: HOUR_MS,
  replay: HOUR_MS,
  unconfigured: 30 * 24 * HOUR_MS,
};

export function createRevocations(db: Database): Pick<SyncStore, "listEnded" | "revocationsAfter"> {
  const listEnded = db.prepare<EndedGrant, [string, number]>(
    `SELECT grant_id AS id, client_id AS clientId, client_name AS clientName, subject, at AS endedAt
      FROM revocations WHERE reason = ? AND at > ? ORDER BY seq`,
  );
  const latest = db.prepare<{ cursor: number }, []>(
    "SELECT coalesce(max(seq), 0) AS cursor FROM revocations",
  );
  const after = db.prepare<Revocation & { cursor: number }, [number, string]>(
    `SELECT seq AS cursor, grant_id AS grantId, client_id AS clientId, client_name AS clientName, subject, reason
      FROM revocations WHERE seq > ? AND server_id = ? ORDER BY seq`,
  );
  return {
    listEnded: (now, reason) => listEnded.all(reason, now - KEPT_MS[reason]),
    revocationsAfter: (cursor, serverId) => {
      if (cursor === undefined) return { cursor: latest.get()?.cursor ?? 0, revoked: [] };
      const rows = after.all(cursor, serverId);
      return { cursor: rows.at(-1)?.cursor ?? cursor, revoked: rows.map(toRevocation) };
    },
  };
}

/** Part of every transaction that ends grants, before it does: their sessions end, too. `null` notes all there are. */
export function prepareRevocationNote(
  db: Database,
): (id: string | null, now: number, reason: RevocationReason) => void {
  const note = db.prepare<null, [number, string | null, RevocationReason]>(
    `INSERT INTO revocations (grant_id, server_id, client_id, client_name, subject, at, reason)
      SELECT id, server_id, client_id, client_name, subject, ?1, ?3 FROM grants WHERE ?2 IS NULL OR id = ?2`,
  );
  const endSessions = db.prepare<null, [string | null]>(
    "DELETE FROM sessions WHERE grant_id IS NOT NULL AND (?1 IS NULL OR grant_id = ?1)",
  );
  return (id, now, reason) => {
    note.run(now, id, reason);
    endSessions.run(id);
  };
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

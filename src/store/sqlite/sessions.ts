// Sessions that outlive a run, in the SQLite store. Those of a grant end with it: revocations.ts.
import type { Database } from "bun:sqlite";
import { transaction } from "./rows.ts";
import type { SessionRecord, SyncStore } from "../store.ts";

const COLUMNS =
  "hash, server_id AS serverId, caller_key AS callerKey, grant_id AS grantId, setup, used_at AS usedAt";

type SessionOperations = "keepSessions" | "findSession" | "removeSessions";

export function createSessionRecords(db: Database): Pick<SyncStore, SessionOperations> {
  const put = db.prepare<null, [string, string, string, string | null, string, number]>(
    `INSERT INTO sessions (hash, server_id, caller_key, grant_id, setup, used_at)
      SELECT ?1, ?2, ?3, ?4, ?5, ?6
        WHERE ?4 IS NULL OR NOT EXISTS (SELECT 1 FROM revocations WHERE grant_id = ?4)
      ON CONFLICT (hash) DO UPDATE SET caller_key = excluded.caller_key, grant_id = excluded.grant_id,
        setup = excluded.setup, used_at = excluded.used_at`,
  );
  const trimCaller = db.prepare<null, [string, number]>(
    `DELETE FROM sessions WHERE hash IN (
      SELECT hash FROM sessions WHERE caller_key = ? ORDER BY used_at DESC, hash LIMIT -1 OFFSET ?)`,
  );
  const trimAll = db.prepare<null, [number]>(
    "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions ORDER BY used_at DESC, hash LIMIT -1 OFFSET ?)",
  );
  const forgetOld = db.prepare<null, [number]>("DELETE FROM sessions WHERE used_at <= ?");
  const find = db.prepare<SessionRecord, [string, string, number]>(
    `SELECT ${COLUMNS} FROM sessions WHERE hash = ? AND server_id = ? AND used_at > ?`,
  );
  const remove = db.prepare<null, [string]>("DELETE FROM sessions WHERE hash = ?");
  return {
    // A session whose grant ended while it waited to be written must not come back.
    keepSessions: transaction(db, (sessions, { perCaller, inAll, usedAfter }) => {
      for (const { hash, serverId, callerKey, grantId, setup, usedAt } of sessions)
        // It may still be kept under the grant that it was used with before.
        if (put.run(hash, serverId, callerKey, grantId, setup, usedAt).changes === 0) remove.run(hash);
      for (const callerKey of new Set(sessions.map((session) => session.callerKey)))
        trimCaller.run(callerKey, perCaller);
      forgetOld.run(usedAfter);
      trimAll.run(inAll);
    }),
    findSession: (hash, serverId, usedAfter) => find.get(hash, serverId, usedAfter) ?? undefined,
    removeSessions: transaction(db, (hashes) => {
      for (const hash of hashes) remove.run(hash);
    }),
  };
}

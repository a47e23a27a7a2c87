// Clients in the SQLite store: those that registered themselves, and what the documents of approved ones said.
import type { Database } from "bun:sqlite";
import { transaction } from "./rows.ts";
import type { ClientMetadata, SyncStore } from "../store.ts";

type ClientOperations = "addClient" | "findClient" | "wasApproved" | "hasAccess" | "noteShown";

/** How often a page that is shown again and again is written down. */
const SHOWN_EVERY_MS = 60_000;

export function createClients(db: Database): Pick<SyncStore, ClientOperations> {
  const insert = db.prepare<null, [string, string | null, string, number, string]>(
    "INSERT INTO clients (id, secret_hash, metadata, created_at, network) VALUES (?, ?, ?, ?, ?)",
  );
  const makeRoom = prepareMakingRoom(db);
  const noteShown = db.prepare<null, [string, number]>(
    `UPDATE clients SET asked_at = ?2
      WHERE id = ?1 AND used_at IS NULL AND coalesce(abs(?2 - asked_at) >= ${SHOWN_EVERY_MS}, true)`,
  );
  const find = db.prepare<
    { id: string; secretHash: string | null; metadata: string; createdAt: number },
    [string]
  >("SELECT id, secret_hash AS secretHash, metadata, created_at AS createdAt FROM clients WHERE id = ?");
  const findApproved = db.prepare<{ id: string }, [string]>(
    "SELECT id FROM clients WHERE id = ? AND used_at IS NOT NULL",
  );
  const findAccess = db.prepare<{ found: 1 }, [string, number]>(
    `SELECT 1 AS found FROM grants WHERE client_id = ?1 AND expires_at > ?2
      UNION ALL SELECT 1 FROM codes WHERE client_id = ?1 AND expires_at > ?2 LIMIT 1`,
  );
  return {
    addClient: transaction(db, ({ id, secretHash, metadata, createdAt }, { network, limit, shownSince }) => {
      insert.run(id, secretHash, JSON.stringify(metadata), createdAt, network);
      makeRoom.run({ id, limit, shownSince });
    }),
    noteShown: (id, now) => void noteShown.run(id, now),
    findClient: (id) => {
      const row = find.get(id);
      return row ? { ...row, metadata: JSON.parse(row.metadata) as ClientMetadata } : undefined;
    },
    hasAccess: (id, now) => findAccess.get(id, now) !== null,
    wasApproved: (id) => findApproved.get(id) !== null,
  };
}

/**
 * When there are too many, the network with the most of them loses its own first, so that a crowd drives out no one
 * else; of those, the ones whose page is not being looked at; of those, the oldest.
 */
function prepareMakingRoom(db: Database) {
  return db.prepare<null, [{ id: string; limit: number; shownSince: number }]>(
    `DELETE FROM clients WHERE id IN (
      SELECT id FROM (
        SELECT id, created_at, rowid AS row, count(*) OVER (PARTITION BY network) AS crowd,
            CASE WHEN asked_at > $shownSince THEN asked_at ELSE 0 END AS asked
          FROM clients WHERE used_at IS NULL
      )
      WHERE id <> $id ORDER BY crowd DESC, asked, created_at, row
      LIMIT max(0, (SELECT count(*) FROM clients WHERE used_at IS NULL) - $limit)
    )`,
  );
}

// Clients in the SQLite store: those that registered themselves, and what the documents of approved ones said.
import type { Database } from "bun:sqlite";
import { transaction } from "./sqlite-rows.ts";
import type { ClientMetadata, Store } from "./store.ts";

type ClientOperations = "addClient" | "keepClient" | "findClient" | "isClientApproved";

export function createClients(db: Database): Pick<Store, ClientOperations> {
  const insert = db.prepare<null, [string, string | null, string, number]>(
    "INSERT INTO clients (id, secret_hash, metadata, created_at) VALUES (?, ?, ?, ?)",
  );
  const keep = db.prepare<null, [string, string, number, number]>(
    `INSERT INTO clients (id, metadata, created_at, used_at) VALUES (?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata, used_at = excluded.used_at`,
  );
  const makeRoom = db.prepare<null, [number]>(
    `DELETE FROM clients WHERE used_at IS NULL AND id NOT IN
      (SELECT id FROM clients WHERE used_at IS NULL ORDER BY created_at DESC, rowid DESC LIMIT ?)`,
  );
  const find = db.prepare<
    { id: string; secretHash: string | null; metadata: string; createdAt: number },
    [string]
  >("SELECT id, secret_hash AS secretHash, metadata, created_at AS createdAt FROM clients WHERE id = ?");
  const findApproved = db.prepare<{ id: string }, [string]>(
    "SELECT id FROM clients WHERE id = ? AND used_at IS NOT NULL",
  );
  return {
    addClient: transaction(db, (client, unusedLimit) => {
      insert.run(client.id, client.secretHash, JSON.stringify(client.metadata), client.createdAt);
      makeRoom.run(unusedLimit);
    }),
    keepClient: (client, now) =>
      void keep.run(client.id, JSON.stringify(client.metadata), client.createdAt, now),
    findClient: (id) => {
      const row = find.get(id);
      return row ? { ...row, metadata: JSON.parse(row.metadata) as ClientMetadata } : undefined;
    },
    isClientApproved: (id) => findApproved.get(id) !== null,
  };
}

// Signed assertions in the SQLite store that were used, so that none is good twice (RFC 7523 §3).
import type { Database } from "bun:sqlite";
import { transaction } from "./rows.ts";
import type { SyncStore } from "../store.ts";

export function createAssertions(db: Database): Pick<SyncStore, "useAssertion"> {
  const forget = db.prepare<null, [number]>("DELETE FROM assertions WHERE expires_at <= ?");
  const insert = db.prepare<null, [string, number]>(
    "INSERT INTO assertions (hash, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  return {
    useAssertion: transaction(db, (hash, expiresAt, now) => {
      forget.run(now);
      return insert.run(hash, expiresAt).changes > 0;
    }),
  };
}

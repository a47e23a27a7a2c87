// Secret keys of a SQLite store, made once.
import type { Database } from "bun:sqlite";
import type { SyncStore } from "../store.ts";

export function createKeys(db: Database): Pick<SyncStore, "openKey"> {
  const add = db.prepare<null, [string, Uint8Array]>(
    "INSERT INTO keys (name, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const find = db.prepare<{ bytes: Uint8Array }, [string]>("SELECT bytes FROM keys WHERE name = ?");
  return {
    openKey(name, created) {
      const known = find.get(name)?.bytes;
      if (known !== undefined) return known;
      add.run(name, created);
      return find.get(name)!.bytes;
    },
  };
}

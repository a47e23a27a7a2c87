// Servers that were started with a SQLite store, and the ids that grants name them by.
import type { Database } from "bun:sqlite";
import { transaction } from "./rows.ts";
import type { ServerRecord, SyncStore } from "../store.ts";

export function createServers(db: Database): Pick<SyncStore, "identifyServer"> {
  const find = db.prepare<ServerRecord, [string]>("SELECT place, id, command FROM servers WHERE place = ?");
  const put = db.prepare<null, [string, string, string]>(
    `INSERT INTO servers (place, id, command) VALUES (?, ?, ?)
      ON CONFLICT (place) DO UPDATE SET command = excluded.command`,
  );
  return {
    identifyServer: transaction(db, (created) => {
      const known = find.get(created.place) ?? undefined;
      if (known?.command !== created.command) put.run(created.place, created.id, created.command);
      return known ?? created;
    }),
  };
}

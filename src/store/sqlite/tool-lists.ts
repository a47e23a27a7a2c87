// The tool lists that clients fetched last, in the SQLite store.
import type { Database } from "bun:sqlite";
import { transaction } from "./rows.ts";
import type { SyncStore, ToolListRecord } from "../store.ts";

export function createToolLists(db: Database): Pick<SyncStore, "keepToolLists" | "listToolLists"> {
  const put = db.prepare<null, [string, string, number, string]>(
    `INSERT INTO tool_lists (server_id, caller_key, fetched_at, tools) VALUES (?, ?, ?, ?)
      ON CONFLICT (server_id, caller_key) DO UPDATE SET fetched_at = excluded.fetched_at, tools = excluded.tools`,
  );
  const list = db.prepare<ToolListRecord, [string]>(
    `SELECT server_id AS serverId, caller_key AS callerKey, fetched_at AS fetchedAt, tools
      FROM tool_lists WHERE server_id = ? ORDER BY fetched_at`,
  );
  return {
    keepToolLists: transaction(db, (lists) => {
      for (const { serverId, callerKey, fetchedAt, tools } of lists)
        put.run(serverId, callerKey, fetchedAt, tools);
    }),
    listToolLists: (serverId) => list.all(serverId),
  };
}

// The tool lists that clients fetched last, in the SQLite store.
import type { Database } from "bun:sqlite";
import { transaction } from "./rows.ts";
import type { SyncStore, ToolListRecord } from "../store.ts";

export function createToolLists(db: Database): Pick<SyncStore, "keepToolLists" | "findToolList"> {
  const put = db.prepare<null, [string, string, number, string]>(
    `INSERT INTO tool_lists (server_id, caller_key, fetched_at, tools) VALUES (?, ?, ?, ?)
      ON CONFLICT (server_id, caller_key) DO UPDATE SET fetched_at = excluded.fetched_at, tools = excluded.tools`,
  );
  const trim = db.prepare<null, [string, string, number]>(
    `DELETE FROM tool_lists WHERE server_id = ? AND caller_key IN (
      SELECT caller_key FROM tool_lists WHERE server_id = ? ORDER BY fetched_at DESC LIMIT -1 OFFSET ?)`,
  );
  const forgetOld = db.prepare<null, [number]>("DELETE FROM tool_lists WHERE fetched_at <= ?");
  const find = db.prepare<ToolListRecord, [string, string]>(
    `SELECT server_id AS serverId, caller_key AS callerKey, fetched_at AS fetchedAt, tools
      FROM tool_lists WHERE server_id = ? AND caller_key = ?`,
  );
  return {
    keepToolLists: transaction(db, (lists, { perServer, fetchedAfter }) => {
      for (const { serverId, callerKey, fetchedAt, tools } of lists)
        put.run(serverId, callerKey, fetchedAt, tools);
      for (const serverId of new Set(lists.map((list) => list.serverId)))
        trim.run(serverId, serverId, perServer);
      forgetOld.run(fetchedAfter);
    }),
    findToolList: (serverId, callerKey) => find.get(serverId, callerKey) ?? undefined,
  };
}

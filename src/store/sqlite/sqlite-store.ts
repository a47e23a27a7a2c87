// The store on SQLite, in a file or in memory. One statement or one immediate transaction per operation, on one thread:
// each is over before the next begins, and other processes wait for the file's lock.
import type { Database } from "bun:sqlite";
import { createAccessTokens } from "./access-tokens.ts";
import { createAssertions } from "./assertions.ts";
import { createClients } from "./clients.ts";
import { createCodes } from "./codes.ts";
import { openDatabase } from "./database-file.ts";
import { createGrants } from "./grants.ts";
import { createRefreshTokens, prepareRefreshSweep } from "./refresh-tokens.ts";
import { createKeys } from "./keys.ts";
import { createServers } from "./servers.ts";
import { createSessionRecords } from "./sessions.ts";
import { createToolLists } from "./tool-lists.ts";
import { createRevocations, prepareRevocationSweep } from "./revocations.ts";
import { transaction } from "./rows.ts";
import type { SyncStore } from "../store.ts";

/**
 * @param path of the file, or `:memory:`
 * @throws {UserError} with exit code 1 when the file cannot be used
 */
export function openSqliteStore(path: string): SyncStore {
  const db = openDatabase(path);
  return {
    ...createClients(db),
    ...createCodes(db),
    ...createAccessTokens(db),
    ...createRefreshTokens(db),
    ...createAssertions(db),
    ...createGrants(db),
    ...createRevocations(db),
    ...createServers(db),
    ...createKeys(db),
    ...createSessionRecords(db),
    ...createToolLists(db),
    sweep: createSweep(db),
    close: () => db.close(),
  };
}

function createSweep(db: Database): SyncStore["sweep"] {
  const sweepRevocations = prepareRevocationSweep(db);
  const sweepRefreshTokens = prepareRefreshSweep(db);
  return transaction(db, (now, { unusedBefore, graceBegan }) => {
    db.run("DELETE FROM codes WHERE grant_id IS NULL AND expires_at <= ?", [now]);
    db.run("DELETE FROM access_tokens WHERE expires_at <= ?", [now]);
    sweepRefreshTokens(now, graceBegan);
    db.run("DELETE FROM grants WHERE expires_at <= ?", [now]);
    db.run("DELETE FROM clients WHERE used_at IS NULL AND coalesce(asked_at, created_at) <= ?", [
      unusedBefore,
    ]);
    sweepRevocations(now);
  });
}

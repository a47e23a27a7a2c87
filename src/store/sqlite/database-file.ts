// Opens the SQLite file behind the store. Only its owner may read it, and a crash loses nothing that was acknowledged.
// Pragmas: https://www.sqlite.org/pragma.html
import { Database } from "bun:sqlite";
import { chmodSync, closeSync, mkdirSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../../errors.ts";
import { refuseStore } from "../unusable-store.ts";
import { migrate } from "./schema.ts";

/** How long a statement waits for another process that is writing. */
const BUSY_TIMEOUT_MS = 2000;
/** https://www.sqlite.org/fileformat.html#magic_header_string */
const MAGIC = "SQLite format 3\0";
const PROBE_BYTES = 64 * 1024;

/**
 * Opens the file at a path, creating it (0600) and its folder (0700) if needed, and brings the schema up to date.
 *
 * @param path or `:memory:`
 * @throws {UserError} with exit code 1 when the file cannot be used
 */
export function openDatabase(path: string): Database {
  let db: Database | undefined;
  try {
    const isFile = path !== ":memory:";
    if (isFile) createPrivateFile(path);
    db = new Database(path, { strict: true });
    if (isFile) checkPages(db);
    configure(db);
    if (migrate(db)) {
      if (isFile) tryWriting(db);
      return db;
    }
  } catch (thrown) {
    db?.close();
    throw refuseStore(path, thrown);
  }
  db.close();
  throw new UserError(
    `Cannot use the store "${path}": a newer version of mcp-expose has written it.`,
    "Update mcp-expose, or choose another file with --store.",
    1,
  );
}

/** SQLite gives its -wal and -shm files the mode of the main file. */
function createPrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, "a+", 0o600);
  const start = Buffer.alloc(MAGIC.length);
  const length = readSync(file, start, 0, MAGIC.length, 0);
  closeSync(file);
  // A file of another kind is left as it is.
  if (length > 0 && start.toString("latin1") !== MAGIC) throw new Error("file is not a database");
  chmodSync(path, 0o600);
}

/** Takes more room than the write-ahead log has to spare, and gives it back: a full disk shows now, not at a login. */
function tryWriting(db: Database): void {
  const write = db.transaction(() => {
    db.run("CREATE TABLE IF NOT EXISTS probe (bytes BLOB)");
    db.run("INSERT INTO probe VALUES (zeroblob(?))", [PROBE_BYTES]);
  });
  write.immediate();
  db.run("DROP TABLE IF EXISTS probe");
}

function checkPages(db: Database): void {
  db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  const check = db.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get();
  if (check?.quick_check !== "ok") throw new Error(`the file is damaged (${check?.quick_check})`);
}

function configure(db: Database): void {
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  db.run("PRAGMA foreign_keys = ON");
}

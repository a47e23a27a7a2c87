// The cache is never older than the database.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createReadCache } from "../../src/store/sqlite/read-cache.ts";

let folder: string;
let db: Database;
let other: Database;
let reads: number;
let find: (key: string) => string | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-expose-reads-"));
  const open = () => new Database(join(folder, "some.db"), { strict: true });
  db = open();
  db.run("PRAGMA journal_mode = WAL");
  db.run("CREATE TABLE t (key TEXT PRIMARY KEY, value TEXT NOT NULL)");
  db.run("INSERT INTO t VALUES ('a', 'first'), ('b', 'second')");
  other = open();
  const select = db.prepare<{ value: string }, [string]>("SELECT value FROM t WHERE key = ?");
  reads = 0;
  find = createReadCache(db, (key) => {
    reads++;
    return select.get(key)?.value;
  });
});
afterEach(() => {
  db.close();
  other.close();
  rmSync(folder, { recursive: true });
});

test("what has not changed is read once", () => {
  expect([find("a"), find("b"), find("a"), find("b")]).toEqual(["first", "second", "first", "second"]);
  expect(reads).toBe(2);
});

test("what another connection has changed or taken away is seen in the next turn of the event loop", async () => {
  expect(find("a")).toBe("first");
  other.run("UPDATE t SET value = 'third' WHERE key = 'a'");
  await nextTurn();
  expect(find("a")).toBe("third");
  other.run("DELETE FROM t");
  await nextTurn();
  expect(find("a")).toBeUndefined();
});

test("what this connection has changed or taken away is seen at the very next look", () => {
  expect(find("a")).toBe("first");
  db.run("UPDATE t SET value = 'third' WHERE key = 'a'");
  expect(find("a")).toBe("third");
  db.run("DELETE FROM t WHERE key = 'a'");
  expect(find("a")).toBeUndefined();
});

test("what was not there is looked for again, so that guessed keys fill no memory", () => {
  expect([find("x"), find("x")]).toEqual([undefined, undefined]);
  expect(reads).toBe(2);
});

// Which server a start is, and the keys that outlive a run, as the store keeps them.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { SyncStore } from "../../src/store/store.ts";

let folder: string;
let where: string;
let store: SyncStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-expose-servers-"));
  where = join(folder, "state.db");
  store = openSqliteStore(where);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

const server = (id: string, place: string, command = "c") => ({ id, place, command });

test("a place gets the id it was first seen with, and says the command of the start before", () => {
  expect(store.identifyServer(server("1", "here", "one"))).toEqual(server("1", "here", "one"));
  expect(store.identifyServer(server("2", "here", "two"))).toEqual(server("1", "here", "one"));
  expect(store.identifyServer(server("3", "here", "two"))).toEqual(server("1", "here", "two"));
  expect(store.identifyServer(server("4", "there", "two"))).toEqual(server("4", "there", "two"));
  store.close();
  store = openSqliteStore(where);
  expect(store.identifyServer(server("5", "here", "two"))).toEqual(server("1", "here", "two"));
});

test("a key stays as it was first made, each under its name", () => {
  const [one, two] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)];
  expect([...store.openKey("a", one)]).toEqual([1, 2, 3]);
  expect([...store.openKey("a", two)]).toEqual([1, 2, 3]);
  expect([...store.openKey("b", two)]).toEqual([4, 5, 6]);
  const other = openSqliteStore(join(folder, "other.db"));
  expect([...other.openKey("a", two)]).toEqual([4, 5, 6]);
  other.close();
  store.close();
  store = openSqliteStore(where);
  expect([...store.openKey("a", two)]).toEqual([1, 2, 3]);
});

const PLACES = 200;

test("two processes that start at once get the same id and the same key, for every one of many servers", async () => {
  const processes = [1, 2].map(() =>
    Bun.spawn([process.execPath, join(import.meta.dir, "identifying-process.ts"), where, String(PLACES)], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    }),
  );
  const readers = processes.map(({ stdout }) => readLines(stdout));
  // Both have opened the file before either goes on.
  await Promise.all(readers.map((lines) => lines.next()));
  for (const { stdin } of processes) {
    void stdin.write("go\n");
    void stdin.flush();
  }
  const [one, other] = await Promise.all(readers.map(async (lines) => (await lines.next()).value as string));
  await Promise.all(processes.map(({ exited }) => exited));
  const [ids, sameIds] = [JSON.parse(one!), JSON.parse(other!)] as Record<string, string>[][];
  expect(ids).toHaveLength(PLACES);
  expect(sameIds).toEqual(ids);
});

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}

// The spellings of --store, and the store that each leads to.
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveStoreLocation } from "../../src/store/location.ts";
import { openExistingStore, openStore } from "../../src/store/open.ts";

test("a file is meant from the folder it is named in, memory from everywhere, and a URL is no file", () => {
  const resolved = ["state.db", "/x.db", "memory", "./memory", "postgres://host/db", ""];
  expect(resolved.map((where) => resolveStoreLocation(where, "/here"))).toEqual([
    "/here/state.db",
    "/x.db",
    "memory",
    "/here/memory",
    undefined,
    undefined,
  ]);
});

test("what only a server can have made is not made by looking at it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mcp-expose-open-"));
  const where = join(folder, "state.db");
  expect(() => openExistingStore(where)).toThrow(`There is no store "${where}" yet.`);
  expect(() => openExistingStore("memory")).toThrow('A store in "memory" ends with its server.');
  expect(existsSync(where)).toBeFalse();
  await (await openStore(where)).close();
  const store = await openExistingStore(where);
  expect(await store.listGrants(0)).toEqual([]);
  await store.close();
  rmSync(folder, { recursive: true });
});

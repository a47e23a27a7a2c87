// What is kept of lists when the store cannot keep it: a warning, and everything goes on.
import { expect, test } from "bun:test";
import { createKeptLists } from "../../../src/eras/freshness/kept-lists.ts";
import { until } from "../../acceptance/until.ts";
import { openSession, readAnswer } from "../wire.ts";
import { openEditedServer, tool } from "./edited-server.ts";

const SHOWN = { at: 1, view: "v", version: 1, sketch: { digest: "d", isComplete: true, tools: new Map() } };

test("several lists are written at once, and not before a while", async () => {
  const writes: string[][] = [];
  const store = {
    keepToolLists: (lists: readonly { callerKey: string }[]) =>
      void writes.push(lists.map(({ callerKey }) => callerKey)),
    findToolList: () => undefined,
  };
  const kept = createKeptLists({ store, serverId: "s", now: () => 1, warn: () => {} });
  for (const key of ["a", "b", "a"]) kept.keep(key, SHOWN);
  expect(writes).toEqual([]);
  expect(await kept.find("a")).toEqual(SHOWN);
  await until("they are written", () => writes.length > 0);
  expect(writes).toEqual([["a", "b"]]);
});

test("a store that fails is warned of once, and calls go on", async () => {
  const warnings: string[] = [];
  const fail = () => Promise.reject(new Error("the disk is full"));
  const store = { keepToolLists: fail, findToolList: fail };
  const kept = createKeptLists({
    store,
    serverId: "s",
    now: () => 1,
    warn: (line) => void warnings.push(line),
  });
  expect(await kept.find("a")).toBeUndefined();
  for (let round = 0; round < 3; round++) {
    kept.keep("a", SHOWN);
    await kept.flush();
  }
  await until("it is warned of", () => warnings.length > 0);
  await using server = openEditedServer({ tools: [tool("a")] }, { store });
  const { send, call } = await openSession(server.url);
  expect(
    (await readAnswer(await send({ jsonrpc: "2.0", id: 1, method: "tools/list" }))).result,
  ).toBeDefined();
  expect((await call("a")).result).toBeDefined();
  expect(warnings).toEqual([
    "Which list of tools each client has cannot be kept over a restart: the disk is full",
  ]);
});

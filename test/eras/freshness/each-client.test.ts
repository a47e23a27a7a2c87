// What is known of each client: which list it has, whether it has fetched it again, and what that costs.
import { expect, test } from "bun:test";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { until } from "../../acceptance/until.ts";
import { INITIALIZE, listen, openSession, post, readAnswer, type WireSession } from "../wire.ts";
import { CALLER_HEADER, connectLegacy, openEditedServer, tool } from "./edited-server.ts";

const LIST = { jsonrpc: "2.0", id: "list", method: "tools/list", params: {} };

test("two clients are announced one change, which is reported once", async () => {
  await using server = openEditedServer({ tools: [tool("a")] });
  const clients = [await connectLegacy(server.url, "ann"), await connectLegacy(server.url, "bob")];
  for (const client of clients) await client.list();
  server.edit({ tools: [tool("a"), tool("b")] });
  await server.restart();
  await until("both hear of it", () => clients.every(({ heard }) => heard.length === 1));
  expect(server.changes.map(({ added }) => added)).toEqual([["b"]]);
  for (const client of clients) await client.close();
});

test("a client that fetches its list again is not stale; one that does not is, once for each change", async () => {
  await using server = openEditedServer({ tools: [tool("a"), tool("b")] }, { fetchesWithin: 900 });
  const [keen, lazy] = [await connectLegacy(server.url, "keen"), await connectLegacy(server.url, "lazy")];
  for (const client of [keen, lazy]) await client.list();
  server.edit({ tools: [tool("a", { description: "other" }), tool("c")] });
  await server.restart();
  await keen.list();
  await until("one is found to be stale", () => server.stale.length > 0);
  await lazy.call("a");
  await server.restart();
  await lazy.call("b");
  expect(server.stale).toEqual([
    {
      client: "lazy's ChatGPT",
      subject: "lazy",
      missing: ["c"],
      removed: ["b"],
      changed: ["a"],
      since: expect.any(Number) as number,
      query: "?v=2",
    },
  ]);
  await lazy.list();
  server.edit({ tools: [tool("a")] });
  await server.restart();
  await until("it is stale again", () => server.stale.length > 1);
  const again = server.stale.filter(({ client }) => client.startsWith("lazy"))[1];
  expect(again).toMatchObject({ removed: ["c"], query: "?v=3" });
  for (const client of [keen, lazy]) await client.close();
});

test("a client that does not listen is stale with its next call, in another run, too", async () => {
  const store = openSqliteStore(":memory:");
  const session = async (url: string) => openSession(url, { [CALLER_HEADER]: "ann" });
  {
    await using server = openEditedServer({ tools: [tool("a"), tool("b")] }, { store });
    await readAnswer(await (await session(server.url)).send(LIST));
  }
  await using server = openEditedServer({ tools: [tool("a")] }, { store });
  const { call } = await session(server.url);
  expect((await call("a")).result).toBeDefined();
  await until("it is found to be stale", () => server.stale.length > 0);
  expect(server.stale).toMatchObject([{ removed: ["b"], missing: [], changed: [] }]);
  expect(server.changes).toMatchObject([{ removed: ["b"] }]);
  expect((await call("b")).error?.message).toContain("no longer exists");
  expect(server.stale).toHaveLength(1);
});

test("a client that has its list from this process makes us ask for none", async () => {
  await using server = openEditedServer({ tools: [tool("a")] });
  const { send, call } = await openSession(server.url);
  await readAnswer(await send(LIST));
  await call("a");
  await call("b");
  expect((await call("listings")).result).toMatchObject({ content: [{ text: "1" }] });
});

test("each session on a process of its own asks for that process's list once", async () => {
  await using server = openEditedServer({ tools: [tool("a")] }, { mode: "session" });
  const [first, second] = [await openSession(server.url), await openSession(server.url)];
  await readAnswer(await first.send(LIST));
  for (let round = 0; round < 3; round++) for (const { call } of [first, second]) await call("a");
  await until("its list has been compared", async () => (await listingsOf(second)) === 1);
  for (const session of [first, second]) await session.call("a");
  expect([await listingsOf(first), await listingsOf(second)]).toEqual([1, 1]);
});

async function listingsOf({ call }: WireSession): Promise<number> {
  const { content } = (await call("listings")).result as { content: { text: string }[] };
  return Number(content[0]?.text);
}

test("where nobody signs in, a client is known by its name", async () => {
  await using server = openEditedServer({ tools: [tool("a")] });
  const session = await openSession(server.url, { [CALLER_HEADER]: "anybody" });
  const stream = listen(await session.listen());
  await readAnswer(await session.send(LIST));
  server.edit({ tools: [tool("b")] });
  await server.restart();
  expect((await stream.next()).method).toBe("notifications/tools/list_changed");
  await stream.close();
});

test("a caller without a token among people who have one is promised nothing, and not remembered", async () => {
  await using server = openEditedServer({ tools: [tool("a")] }, { fetchesWithin: 0 });
  const stranger = { [CALLER_HEADER]: "anonymous" };
  const greeting = (await readAnswer(await post(server.url, INITIALIZE, stranger))).result;
  expect(greeting?.["capabilities"]).toEqual({ tools: {}, prompts: {}, resources: {} });
  const session = await openSession(server.url, stranger);
  await readAnswer(await session.send(LIST));
  server.edit({ tools: [] });
  await server.restart();
  expect((await session.call("a")).error?.message).toBe("Unknown tool: a");
  expect([server.changes, server.stale]).toEqual([[], []]);
});

// One client on several processes of a server: they may offer different things without anything having changed, and may be
// unable to say what they offer.
import { expect, test } from "bun:test";
import type { ToolEdition } from "../../../src/bridge/bridge.ts";
import { NO_TOOLS } from "../../../src/bridge/unusable-server.ts";
import { createAudience } from "../../../src/eras/freshness/audience.ts";
import { createListClients } from "../../../src/eras/freshness/client-lists.ts";
import { askForList } from "../../../src/eras/freshness/own-listing.ts";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { until } from "../../acceptance/until.ts";
import { listen, openSession, readAnswer, type WireSession } from "../wire.ts";
import { openEditedServer, tool } from "./edited-server.ts";

const LIST = { jsonrpc: "2.0", id: "list", method: "tools/list", params: {} };

async function list({ send }: WireSession): Promise<string[]> {
  const { tools } = (await readAnswer(await send(LIST))).result as { tools: { name: string }[] };
  return tools.map(({ name }) => name);
}

/** What its client hears that belongs to no call. */
async function hear(session: WireSession): Promise<string[]> {
  const stream = listen(await session.listen());
  const heard: string[] = [];
  const follow = async () => {
    for (;;) heard.push((await stream.next()).method ?? "");
  };
  follow().catch(() => {});
  return heard;
}

test("two windows of a client that can do different things are shown different tools, and nothing has changed", async () => {
  const offer = { tools: [tool("a")], forSampling: [tool("sampled")] };
  await using server = openEditedServer(offer, { fetchesWithin: 100 });
  const windows = [
    await openSession(server.url, {}, { sampling: {} }),
    await openSession(server.url, {}, {}),
  ];
  const streams = await Promise.all(windows.map(hear));
  const heard = () => streams.map(({ length }) => length);
  for (let round = 0; round < 3; round++) {
    expect(await Promise.all(windows.map(list))).toEqual([["a", "sampled"], ["a"]]);
    for (const { call } of windows) await call("a");
  }
  await server.restart();
  for (const { call } of windows) await call("a");
  // The lists are read, and clients would be stale by now.
  await Bun.sleep(700);
  expect([heard(), server.changes, server.stale]).toEqual([[0, 0], [], []]);
  server.edit({ ...offer, tools: [tool("a"), tool("b")] });
  await server.restart();
  await until("both hear of a change", () => heard().every((count) => count === 1));
  await until("both are stale", () => server.stale.length === 2);
  expect(server.stale.map(({ missing, removed }) => [missing, removed])).toEqual([
    [["b"], []],
    [["b"], []],
  ]);
  expect(server.changes).toMatchObject([{ added: ["b"], removed: [], changed: [] }]);
});

test("a window that has fetched nothing has what another one has fetched", async () => {
  await using server = openEditedServer({ tools: [tool("a"), tool("b")] }, { fetchesWithin: 0 });
  const [first, second] = [
    await openSession(server.url, {}, { sampling: {} }),
    await openSession(server.url, {}, {}),
  ];
  await list(first);
  server.edit({ tools: [tool("a")] });
  await server.restart();
  expect((await second.call("b")).error?.message).toContain("no longer exists");
});

test("what a window with other capabilities had in an earlier run does not mean that tools have changed", async () => {
  const store = openSqliteStore(":memory:");
  const offer = { tools: [tool("a")], forSampling: [tool("sampled")] };
  {
    await using server = openEditedServer(offer, { store });
    await list(await openSession(server.url, {}, { sampling: {} }));
  }
  await using server = openEditedServer(offer, { store });
  const session = await openSession(server.url, {}, {});
  expect((await session.call("sampled")).error?.message).toContain("no longer exists");
  expect(server.changes).toEqual([]);
  store.close();
});

test("tools that are described otherwise at each start are reported to be old once", async () => {
  await using server = openEditedServer({ tools: [tool("a")], isStamped: true }, { mode: "session" });
  await list(await openSession(server.url));
  for (let round = 0; round < 4; round++) {
    const session = await openSession(server.url);
    await session.call("a");
    await until("its list has been compared", async () => {
      const { content } = (await session.call("listings")).result as { content: { text: string }[] };
      return content[0]?.text === "1";
    });
    await session.call("a");
  }
  expect(server.stale).toHaveLength(1);
  expect(server.changes.length).toBeLessThanOrEqual(3);
});

test("a server that cannot list its tools is not asked with each call", async () => {
  await using server = openEditedServer({ tools: [tool("a")] });
  const session = await openSession(server.url);
  await list(session);
  server.edit({ tools: [tool("a")], listsNothing: true });
  await server.restart();
  for (let round = 0; round < 5; round++) expect((await session.call("a")).result).toBeDefined();
  expect((await session.call("listings")).result).toMatchObject({ content: [{ text: "1" }] });
});

test("a request of ours that is not answered is taken back", async () => {
  let taken = 0;
  const ask = () => ({ answer: new Promise<never>(() => {}), cancel: () => void taken++ });
  expect(await askForList({ ask }, "tools/list", 1)).toBeUndefined();
  expect(taken).toBe(1);
});

test("what a client has fetched just before the end is kept, also where writing takes a while", async () => {
  const store = openSqliteStore(":memory:");
  let kept = 0;
  {
    await using server = openEditedServer(
      { tools: [tool("a")] },
      {
        store: {
          findToolList: async () => undefined,
          async keepToolLists() {
            await Bun.sleep(20);
            kept++;
          },
        },
      },
    );
    await list(await openSession(server.url));
  }
  expect(kept).toBe(1);
  store.close();
});

test("an announcement of the server that came before a session went on there has not reached it", () => {
  const edition = { isAnnounced: true };
  const said: string[] = [];
  const unused = () => Promise.reject(new Error("not asked"));
  const tools = { edition, find: unused, paramHeadersOf: unused };
  const peer = {
    caller: { key: "ann", isValid: () => true },
    clientInfo: undefined,
    view: "",
    tools: NO_TOOLS,
    joinedOn: undefined as ToolEdition | undefined,
    isAttached: true,
    isConnected: () => true,
    attach: unused,
    ask: () => ({ answer: unused(), cancel: () => {} }),
    tell: (notification: string) => void said.push(notification),
  };
  const registry = createListClients({ find: () => Promise.resolve(undefined) });
  const client = registry.of(peer)!;
  const audience = createAudience();
  audience.join(peer);
  const sketch = { digest: "new", isComplete: true, tools: new Map() };
  const shown = { at: 0, edition: undefined, sketch: () => undefined };
  const difference = { added: ["b"], removed: [], changed: [], details: {} };
  const behind = { view: "", shown, edition, present: sketch, difference, since: 0 };
  Object.assign(peer, { tools, joinedOn: edition });
  audience.tell(client, client.tools, behind);
  audience.tell(client, client.tools, behind);
  expect(said).toEqual(["notifications/tools/list_changed"]);
});

// A server is edited and started anew under its clients, of both eras on servers of both.
import { describe, expect, test } from "bun:test";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { until } from "../../acceptance/until.ts";
import { listen, openSession, openSseSession, readAnswer } from "../wire.ts";
import { CALLER_HEADER, connectLegacy, connectModern, openEditedServer, tool } from "./edited-server.ts";

const CONNECT = { legacy: connectLegacy, modern: connectModern };
const LIST = { jsonrpc: "2.0", id: "list", method: "tools/list", params: {} };

for (const era of ["legacy", "modern"] as const) {
  for (const [kind, connect] of Object.entries(CONNECT)) {
    describe(`a ${kind} client of a ${era} server that announces nothing itself`, () => {
      test("is announced a change of its tools once, and what has changed is reported once", async () => {
        await using server = openEditedServer({ era, tools: [tool("search"), tool("old")] });
        const client = await connect(server.url);
        expect(client.declared).toEqual(["tools", "prompts", "resources"]);
        expect(await client.list()).toEqual(["search", "old"]);
        server.edit({ era, tools: [tool("search", {}, "limit"), tool("new")] });
        await server.restart();
        // What a client without sessions listens on may end with the server: a stream that it opens then tells it.
        const hearing = kind === "modern" ? await connect(server.url) : client;
        await until("it hears of it", () => hearing.heard.length > 0);
        expect(server.changes).toEqual([
          {
            added: ["new"],
            removed: ["old"],
            changed: ["search"],
            details: { search: ['argument "limit" added'] },
          },
        ]);
        expect(await client.list()).toEqual(["search", "new"]);
        await server.restart();
        expect(hearing.heard).toEqual(["tools"]);
        expect(server.changes).toHaveLength(1);
        await client.close();
        await hearing.close();
      });

      for (const failsWithResult of [false, true]) {
        const form = failsWithResult ? "result" : "error";
        test(`is told why its call to a tool that is gone fails, in the ${form}`, async () => {
          await using server = openEditedServer({ era, failsWithResult, tools: [tool("old")] });
          const client = await connect(server.url);
          await client.list();
          server.edit({ era, failsWithResult, tools: [tool("new")] });
          await server.restart();
          const said = JSON.stringify(await client.call("old"), ["message", "content", "text", "isError"]);
          expect(said).toMatch(/Unknown tool: old/);
          expect(said).toMatch(
            /The tool \\"old\\" no longer exists since \d\d:\d\d \(the server has changed\)\. The client still shows an old list of tools: refresh it\./,
          );
          const unknown = JSON.stringify(await client.call("never_there"), ["message", "content", "text"]);
          expect(unknown).toContain("Unknown tool: never_there");
          expect(unknown).not.toContain("no longer exists");
          await client.close();
        });
      }
    });
  }
}

test("a save that changes no list announces nothing, and a change that a client has been told of is not told again", async () => {
  const tools = [tool("a", { title: "A" }, "x", "y"), tool("b")];
  await using server = openEditedServer({ tools });
  const session = await openSession(server.url);
  const stream = listen(await session.listen());
  for (const method of ["tools/list", "prompts/list", "resources/list"])
    await readAnswer(await session.send({ ...LIST, method }));
  const properties = { y: { type: "string" }, x: { type: "string" } };
  const reordered = { title: "A", inputSchema: { properties, type: "object" }, name: "a" };
  server.edit({ tools: [tool("b"), reordered] });
  await server.restart();
  expect(server.changes).toEqual([]);
  server.edit({ tools: [tool("b"), reordered], prompts: [{ name: "p" }] });
  await server.restart();
  expect((await stream.next()).method).toBe("notifications/prompts/list_changed");
  server.edit({ tools: [tool("b")], prompts: [{ name: "p" }] });
  await server.restart();
  expect((await stream.next()).method).toBe("notifications/tools/list_changed");
  await server.restart();
  server.edit({
    tools: [tool("b")],
    prompts: [{ name: "p" }],
    resources: [{ uri: "a:b", name: "r" }],
  });
  await server.restart();
  expect((await stream.next()).method).toBe("notifications/resources/list_changed");
  expect(server.changes.map(({ removed }) => removed)).toEqual([["a"]]);
  await stream.close();
});

test("prompts and resources are announced where their lists differ", async () => {
  await using server = openEditedServer({ tools: [tool("a")], prompts: [{ name: "p" }], resources: [] });
  const session = await openSession(server.url);
  const stream = listen(await session.listen());
  for (const method of ["prompts/list", "resources/list", "resources/templates/list"])
    await readAnswer(await session.send({ ...LIST, method }));
  server.edit({ tools: [tool("a")], prompts: [{ name: "p" }], resources: [{ uri: "a:b", name: "r" }] });
  await server.restart();
  expect((await stream.next()).method).toBe("notifications/resources/list_changed");
  server.edit({ tools: [tool("a")], prompts: [{ name: "q" }], resources: [{ uri: "a:b", name: "r" }] });
  await readAnswer(await session.send({ ...LIST, method: "resources/list" }));
  await server.restart();
  expect((await stream.next()).method).toBe("notifications/prompts/list_changed");
  await stream.close();
});

test("over HTTP+SSE, too", async () => {
  await using server = openEditedServer({ tools: [tool("a")] });
  const session = await openSseSession(server.sse);
  await session.send(LIST);
  expect((await session.next()).result).toHaveProperty("tools");
  server.edit({ tools: [tool("b")] });
  await server.restart();
  expect((await session.next()).method).toBe("notifications/tools/list_changed");
  await session.close();
});

test("a list is compared page by page, and one that the client has begun only in what it has fetched", async () => {
  const tools = Array.from({ length: 5 }, (_, index) => tool(`t${index}`));
  await using server = openEditedServer({ tools, page: 2 });
  const [all, first] = [
    await openSession(server.url, { [CALLER_HEADER]: "all" }),
    await openSession(server.url, { [CALLER_HEADER]: "first" }),
  ];
  for (const params of [{}, { cursor: "2" }, { cursor: "4" }])
    await readAnswer(await all.send({ ...LIST, params }));
  await readAnswer(await first.send(LIST));
  const [heardByAll, heardByFirst] = [listen(await all.listen()), listen(await first.listen())];
  server.edit({ tools: [...tools.slice(0, 4), tool("t4", { title: "other" })], page: 3 });
  await server.restart();
  expect((await heardByAll.next()).method).toBe("notifications/tools/list_changed");
  expect(server.changes).toMatchObject([{ added: [], removed: [], changed: ["t4"] }]);
  server.edit({ tools: tools.slice(1), page: 3 });
  await server.restart();
  expect((await heardByFirst.next()).method).toBe("notifications/tools/list_changed");
  expect(server.changes.at(-1)?.removed).toEqual(["t0"]);
  for (const stream of [heardByAll, heardByFirst]) await stream.close();
});

test("a question that a tool asks meanwhile goes to its own call, and not to our request for the list", async () => {
  const store = openSqliteStore(":memory:");
  const offer = { tools: [tool("ask")], asksWhileListing: true };
  {
    await using server = openEditedServer(offer, { store });
    await readAnswer(await (await openSession(server.url)).send(LIST));
  }
  await using server = openEditedServer(offer, { store });
  const session = await openSession(server.url);
  const stream = listen(await session.start("ask"));
  const question = await stream.next();
  expect(question.method).toBe("elicitation/create");
  await session.send({ jsonrpc: "2.0", id: question.id, result: { action: "cancel" } });
  expect((await stream.next()).result).toMatchObject({ content: [{ text: "answered" }] });
  await stream.ended();
});

test("a change that the server announces itself is not announced twice, and is reported", async () => {
  await using server = openEditedServer({ tools: [tool("a")] });
  const session = await openSession(server.url);
  const stream = listen(await session.listen());
  for (const method of ["tools/list", "prompts/list"])
    await readAnswer(await session.send({ ...LIST, method }));
  server.edit({ tools: [tool("b")], prompts: [{ name: "p" }] });
  await session.call("announce");
  expect((await stream.next()).method).toBe("notifications/tools/list_changed");
  expect((await session.call("a")).error?.message).toContain("no longer exists");
  expect(server.changes).toMatchObject([{ added: ["b"], removed: ["a"] }]);
  await server.restart();
  expect((await stream.next()).method).toBe("notifications/prompts/list_changed");
  await stream.close();
});

// What servers in the field do about the two eras, each met by a client of either.
import { expect, test } from "bun:test";
import { expose, openSession, readAnswer, readMessages } from "../eras/wire.ts";
import { createStatelessClient, META } from "../matrix/stateless-wire.ts";

test("go-sdk answers server/discover and has sessions all the same: it is greeted, and sees no envelope", async () => {
  await using program = await expose("answers-discover");
  const { url } = program.ready;
  expect((await createStatelessClient(url).call("x")).result).toMatchObject({ served: "x" });
  expect((await (await openSession(url)).call("x")).result).toMatchObject({ served: "x" });
});

test("Python's mcp settles for the era of its first message: each era of client gets a process of its own", async () => {
  await using program = await expose("settles-at-once");
  const { url } = program.ready;
  // The process that was asked at the start what it speaks is no longer one for this client.
  const legacy = (await (await openSession(url)).call("x")).result;
  const modern = (await createStatelessClient(url).call("x")).result;
  expect([modern?.["era"], legacy?.["era"]]).toEqual(["modern", "legacy"]);
  expect(modern?.["pid"]).not.toBe(legacy?.["pid"]);
  // And neither disturbs the other.
  expect((await createStatelessClient(url).call("x")).result?.["pid"]).toBe(modern?.["pid"]);
});

test.each([
  ["legacy", "legacy"],
  ["modern", "modern"],
])("--child-era %s: a server of both eras is spoken to in that one alone", async (mode, era) => {
  await using program = await expose("settles-at-once", ["--child-era", mode]);
  const { url } = program.ready;
  expect((await createStatelessClient(url).call("x")).result?.["era"]).toBe(era);
  expect((await (await openSession(url)).call("x")).result?.["era"]).toBe(era);
});

test("servers on rmcp end at server/discover: they are found to have sessions, and serve both eras of client", async () => {
  await using program = await expose("exits-without-initialize");
  const { url } = program.ready;
  const [answer] = await readMessages(await createStatelessClient(url).request("tools/list"));
  expect(answer?.result).toMatchObject({ tools: [] });
  const session = await openSession(url);
  const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  expect((await readAnswer(await session.send(list))).result).toEqual({ tools: [] });
});

test("an older server than asked for is taken as it is, by a client of 2026-07-28 too", async () => {
  await using program = await expose("older");
  const client = createStatelessClient(program.ready.url);
  const [answer] = await readMessages(await client.request("server/discover"));
  expect(answer?.result?.["_meta"]).toEqual({ [META.serverInfo]: { name: "older", version: "1" } });
  expect((await client.call("open")).result).toMatchObject({ isError: true });
});

test("a server that sends batches is understood by a client of 2026-07-28, which knows none", async () => {
  await using program = await expose("sends-batches");
  const options = { meta: { [META.logLevel]: "info" } };
  const messages = await readMessages(await createStatelessClient(program.ready.url).start("x", {}, options));
  expect(messages.map(({ method, result }) => method ?? result?.["batched"])).toEqual([
    "notifications/message",
    true,
  ]);
});

test("what ChatGPT reads in tools and results reaches it in every era: securitySchemes, _meta, unknown members", async () => {
  await using program = await expose("older");
  const { url } = program.ready;
  const TOOL = {
    name: "open",
    inputSchema: { type: "object" },
    securitySchemes: [{ type: "oauth2", scopes: ["files"] }],
    annotations: { readOnlyHint: true, "vendor/shade": 0.5 },
    _meta: { "openai/outputTemplate": "ui://widget.html" },
  };
  const challenge = { "mcp/www_authenticate": ['Bearer error="insufficient_scope"'] };
  const session = await openSession(url);
  const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  expect((await readAnswer(await session.send(list))).result).toEqual({ tools: [TOOL] });
  expect((await session.call("open")).result).toEqual({ content: [], isError: true, _meta: challenge });
  const client = createStatelessClient(url);
  const [answer] = await readMessages(await client.request("tools/list"));
  expect(answer?.result?.["tools"]).toEqual([TOOL]);
  const { result } = await client.call("open");
  expect(result?.["_meta"]).toEqual({ ...challenge, [META.serverInfo]: { name: "older", version: "1" } });
});

// Requests of 2026-07-28, each of which stands alone: whose answer is whose, hanging up, log lines, and what a server
// of either era receives and sends.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Program } from "../program.ts";
import {
  expose,
  isEventStream,
  listen,
  openSession,
  readAnswer,
  readMessages,
  readTexts,
  until,
  type Wire,
} from "../eras/wire.ts";
import { ALL, createStatelessClient, META, REVISION, type StatelessClient } from "./stateless-wire.ts";

let program: Program;
let client: StatelessClient;

const LOUD = { meta: { [META.logLevel]: "info" } };
const logLine = (level: string, data: unknown) =>
  `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":${JSON.stringify(level)},"data":${JSON.stringify(data)}}}`;
const DONE = '{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}';

/** The log lines in the answer to a call. */
const logged = (messages: Wire[]) =>
  messages.filter(({ method }) => method === "notifications/message").map(({ params }) => params?.["data"]);

for (const server of ["obedient", "stateless"])
  describe(server === "obedient" ? "a server of 2025-11-25" : "a server of 2026-07-28", () => {
    beforeAll(async () => {
      program = await expose(server);
      client = createStatelessClient(program.ready.url);
    });
    afterAll(async () => void (await program.stop()));

    test("two clients with the same ids and progress tokens at a time get their own", async () => {
      const other = createStatelessClient(program.ready.url);
      const calls = [client, other, client].map(async (who, at) => {
        const options = { id: "same", meta: { progressToken: "token" } };
        return readMessages(await who.start("progress", { count: at + 1 }, options));
      });
      const answers = await Promise.all(calls);
      expect(answers.map((messages) => messages.length)).toEqual([2, 3, 4]);
      for (const messages of answers) {
        const answer = messages.pop();
        expect(answer?.id).toBe("same");
        for (const { params } of messages) expect(params?.["progressToken"]).toBe("token");
      }
      // The server saw three tokens.
      const seen = (await client.history())
        .filter(({ params }) => params?.["name"] === "progress")
        .map(({ params }) => (params?.["_meta"] as Record<string, unknown> | undefined)?.["progressToken"]);
      expect(new Set(seen).size).toBe(3);
    });

    test.each([7, "text", "7", -1, 2 ** 53])("the id %j comes back as it was", async (id) => {
      expect((await client.call("pid", {}, { id })).id).toBe(id);
    });

    test("a client that hangs up before anything has come cancels, under the id that the server knows", async () => {
      const controller = new AbortController();
      const tool = server === "obedient" ? "hold_silently" : "hold";
      const call = client.start(tool, { key: "silent" }, { signal: controller.signal }).catch(() => {});
      await until("the call to arrive", async () => (await find(tool, "silent")) !== undefined);
      controller.abort();
      await call;
      await expectCancelled(tool, "silent");
    });

    test("a client that hangs up while something comes cancels, too", async () => {
      const options = { id: "gone", meta: { ...LOUD.meta, progressToken: 1 } };
      const stream = listen(await client.start("hold", { key: "loud" }, options));
      await stream.next();
      await stream.close();
      await expectCancelled("hold", "loud");
      // The server answers all the same, and its answer reaches no client.
      await client.call("release", { key: "loud" });
    });

    test("a call that has been answered is not cancelled any more", async () => {
      await client.call("pid");
      const cancelled = (await client.history()).filter(({ method }) => method === "notifications/cancelled");
      expect(cancelled).toHaveLength(2);
    });

    const find = async (tool: string, key: string) =>
      (await client.history()).find(
        ({ params }) => params?.["name"] === tool && (params["arguments"] as { key?: string }).key === key,
      );
    const expectCancelled = async (tool: string, key: string) => {
      const id = (await find(tool, key))?.id;
      await until("the server to hear", async () =>
        (await client.history()).some(
          ({ method, params }) => method === "notifications/cancelled" && params?.["requestId"] === id,
        ),
      );
    };

    test("a call that asked for no log lines gets none, and is answered in plain JSON", async () => {
      const response = await client.start("log", { data: "unwanted" });
      expect(isEventStream(response)).toBeFalse();
      expect(await readMessages(response)).toHaveLength(1);
    });

    test("a call that asked for log lines gets those severe enough, before its answer", async () => {
      const reply = [logLine("debug", 1), logLine("info", 2), logLine("alert", 3), DONE].join("\n");
      expect(logged(await readMessages(await client.start("raw", { reply }, LOUD)))).toEqual([2, 3]);
      const quiet = { meta: { [META.logLevel]: "error" } };
      expect(logged(await readMessages(await client.start("raw", { reply }, quiet)))).toEqual([3]);
    });

    test("a log line goes to the call that asked for lines, not to one beside it that did not", async () => {
      const wanting = client.start("log", { data: "wanted" }, LOUD).then(readMessages);
      const beside = await Promise.all([client.start("pid"), client.start("progress", { count: 1 })]);
      for (const response of beside) expect(logged(await readMessages(response))).toEqual([]);
      expect(logged(await wanting)).toEqual(["wanted"]);
    });

    test("a result keeps its bytes: big numbers, fractions, order, unknown members", async () => {
      const members = '"content":[],"big":12345678901234567890,"one":1.0,"2":2,"1":1,"vendor":{"a":[1e2]}';
      const reply = `{"result":{${members}},"id":$ID,"jsonrpc":"2.0"}`;
      const [text] = await readTexts(await client.start("raw", { reply }, { id: 1 }));
      expect(text).toContain(members);
      expect(text).toStartWith('{"result":{');
    });
  });

describe("a server of 2025-11-25", () => {
  beforeAll(async () => {
    program = await expose("versatile");
    client = createStatelessClient(program.ready.url);
  });
  afterAll(async () => void (await program.stop()));

  test("is initialized once, by the bridge, with the capabilities of its clients", async () => {
    await client.call("deploy");
    const [first, second, ...lines] = (await client.history()).filter(({ id }) => id !== 0);
    expect(first).toMatchObject({ method: "initialize", params: { capabilities: ALL } });
    expect(second).toMatchObject({ method: "notifications/initialized" });
    expect(lines.filter(({ method }) => method === "initialize")).toEqual([]);
  });

  test("sees no envelope, but everything else a client puts beside it", async () => {
    const meta = { [META.clientInfo]: { name: "x", version: "1" }, traceparent: "00-1", "vendor/x": 1 };
    await client.call("deploy", { plain: "with meta" }, { meta });
    const lines = (await client.history()).filter(({ method }) => method === "tools/call");
    const line = lines.find(({ params }) => JSON.stringify(params).includes("with meta"));
    expect(line?.params).toEqual({
      name: "deploy",
      arguments: { plain: "with meta" },
      _meta: { traceparent: "00-1", "vendor/x": 1 },
    });
    expect(lines.findLast(({ params }) => params?.["name"] === "history")?.params).not.toHaveProperty(
      "_meta",
    );
  });

  test("has its server/discover answered from its initialize result, without members that the revision lacks", async () => {
    const [answer] = await readMessages(await client.request("server/discover"));
    expect(answer?.result).toEqual({
      resultType: "complete",
      supportedVersions: [REVISION],
      capabilities: { tools: { listChanged: true }, resources: {} },
      instructions: "Ask me anything.",
      ttlMs: 0,
      cacheScope: "private",
      _meta: { [META.serverInfo]: { name: "versatile", version: "1", title: "Versatile" } },
    });
  });

  test("lists its tools without `execution`, and says how long the list may be cached", async () => {
    const [answer] = await readMessages(await client.request("tools/list"));
    expect(answer?.result).toEqual({
      tools: [
        { name: "ask_or_fail", inputSchema: { type: "object" }, x_big: 10 },
        { name: "release", inputSchema: { type: "object" } },
      ],
      nextCursor: "2",
      resultType: "complete",
      ttlMs: 0,
      cacheScope: "private",
      _meta: { [META.serverInfo]: { name: "versatile", version: "1", title: "Versatile" } },
    });
  });
});

describe("a server of 2026-07-28", () => {
  beforeAll(async () => {
    program = await expose("stateless");
    client = createStatelessClient(program.ready.url);
  });
  afterAll(async () => void (await program.stop()));

  test("sees each request as it was written, but for the id and the progress token", async () => {
    const meta = { [META.logLevel]: "info", progressToken: "mine", "vendor/x": 1 };
    await client.call("echo", { big: "as it is" }, { meta, id: "mine" });
    const line = (await client.history()).find(({ params }) => params?.["name"] === "echo");
    const own = expect.any(Number);
    expect(line).toEqual({
      jsonrpc: "2.0",
      id: own,
      method: "tools/call",
      params: {
        name: "echo",
        arguments: { big: "as it is" },
        _meta: { [META.version]: REVISION, [META.capabilities]: ALL, ...meta, progressToken: own },
      },
    } as Wire);
  });

  test("found 1: never receives members that this revision has removed and the server may know from older ones", async () => {
    for (const method of ["initialize", "ping", "logging/setLevel", "resources/subscribe"]) {
      const response = await client.request(method, { level: "info", uri: "file:///a" });
      expect([response.status, (await readAnswer(response)).error?.code]).toEqual([404, -32601]);
      expect((await client.history()).filter((line) => line.method === method)).toEqual([]);
    }
  });

  test("found 1: understands a session's request whose _meta is null, or whose params are an empty array", async () => {
    const session = await openSession(program.ready.url);
    const [id, method] = ["a", "tools/call"];
    const call = await session.send({ jsonrpc: "2.0", id, method, params: { name: "echo", _meta: null } });
    expect((await readAnswer(call)).result).toHaveProperty("echoed");
    const list = await session.send({ jsonrpc: "2.0", id, method: "tools/list", params: [] });
    expect((await readAnswer(list)).result).toHaveProperty("tools");
  });

  test("found 1: never receives envelope members from a session's request, beside the session's own envelope", async () => {
    const session = await openSession(program.ready.url);
    for (const key of [META.capabilities, META.clientInfo, META.logLevel]) {
      const params = { name: "echo", arguments: { partly: key }, _meta: { [key]: {} } };
      const response = await session.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
      expect([response.status, (await readAnswer(response)).error?.code]).toEqual([400, -32602]);
    }
    expect(JSON.stringify(await client.history())).not.toContain("partly");
  });

  test("sends a log line to no client when two could be meant", async () => {
    const held = client.start("hold", { key: "attribution" }, LOUD).then(readMessages);
    await until("the call to arrive", async () =>
      (await client.history()).some(({ params }) => JSON.stringify(params).includes("attribution")),
    );
    expect(logged(await readMessages(await client.start("log", { data: "whose?" }, LOUD)))).toEqual([]);
    await client.call("release", { key: "attribution" });
    expect(logged(await held)).toEqual([]);
  });
});

// `--process shared`: one server process for all clients of every capability and revision.
// The isolation between them is tested in test/isolation/isolation.test.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  INITIALIZE,
  listen,
  openSession,
  post,
  readAnswer,
  readHistory,
  readMessages,
  readStarts,
  until,
  type Headers,
  type Wire,
} from "../eras/wire.ts";
import { ALL, createStatelessClient, META } from "../matrix/stateless-wire.ts";
import { openHouse, pidOf, type House } from "./people.ts";

const SHARED = ["--process", "shared"];
const REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const LOUD = { meta: { [META.logLevel]: "debug" } };
const FORM = { method: "elicitation/create", params: { message: "Who?" } };
const SECRET = "the words of Ada";

const request = (method: string, params: object, id: unknown = 1) => ({ jsonrpc: "2.0", id, method, params });

/** Opens a session of a revision and with capabilities of its own. */
async function openAs(url: string, who: Headers, protocolVersion: string, capabilities: object) {
  const params = { ...INITIALIZE.params, protocolVersion, capabilities };
  const opened = await post(url, { ...INITIALIZE, params }, who);
  const headers = { ...who, "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
  const welcome = await readAnswer(opened);
  const send = (body: object) => post(url, body, headers);
  await send({ jsonrpc: "2.0", method: "notifications/initialized" });
  const start = (name: string, args: object = {}) =>
    send(request("tools/call", { name, arguments: args }, 2));
  return {
    welcome,
    send,
    start,
    call: async (name: string, args?: object) => readAnswer(await start(name, args)),
  };
}

for (const server of ["obedient", "stateless", "settles-at-once"])
  test(`found 38: ${server} is one process for every person, dialect, revision and set of capabilities`, async () => {
    await using house = await openHouse(server, SHARED);
    const { url, program, ada, adaElsewhere, bob } = house;
    const sets = [{}, { roots: {} }, { sampling: {} }, ALL];
    const pids = new Set<number>();
    for (const who of [ada, adaElsewhere, bob])
      await Promise.all(
        sets.map(async (capabilities, at) => {
          const session = await openAs(url, who, REVISIONS[at]!, capabilities);
          pids.add(pidOf(await session.call("pid")));
          pids.add(pidOf(await createStatelessClient(url, capabilities, who).call("pid")));
        }),
      );
    const sse = listen(await fetch(program.ready.sse, { headers: bob }));
    const endpoint = new URL((await sse.nextEvent()).data, url).href;
    await post(endpoint, INITIALIZE, bob);
    expect(await sse.next()).toMatchObject({ id: 0, result: {} });
    await post(endpoint, request("tools/call", { name: "pid" }, 1), bob);
    pids.add(pidOf(await sse.next()));
    await sse.close();
    expect(pids.size).toBe(1);
  });

describe("found 38: the answer of a shared server to initialize", () => {
  test("has the client's revision, if the server's is as new, and the server's own members", async () => {
    await using house = await openHouse("versatile", SHARED);
    const { url, ada, bob } = house;
    const asked = [...REVISIONS, "2099-01-01", "whatever"];
    const told = await Promise.all(
      asked.map(async (version, at) => (await openAs(url, at % 2 ? ada : bob, version, {})).welcome),
    );
    expect(told.map(({ result }) => result?.["protocolVersion"])).toEqual([
      ...REVISIONS,
      "2025-11-25",
      "2025-11-25",
    ]);
    for (const { id, result } of told) {
      expect(id).toBe(0);
      expect(result).toMatchObject({
        serverInfo: { name: "versatile", version: "1", title: "Versatile" },
        instructions: "Ask me anything.",
      });
    }
    const { result } = await readAnswer(await createStatelessClient(url, {}, ada).request("server/discover"));
    expect(result).toMatchObject({ instructions: "Ask me anything.", supportedVersions: ["2026-07-28"] });
  });

  test("has the server's own revision where that is an older one", async () => {
    await using house = await openHouse("older", SHARED);
    const told = await Promise.all(REVISIONS.map((version) => openAs(house.url, house.ada, version, {})));
    expect(told.map(({ welcome }) => welcome.result?.["protocolVersion"])).toEqual(
      REVISIONS.map(() => "2024-11-05"),
    );
  });
});

describe("found 38: on one process of a server with sessions", () => {
  let house: House;
  let url: string;
  let ada: Headers;
  let bob: Headers;
  beforeAll(async () => {
    house = await openHouse("obedient", SHARED);
    ({ url, ada, bob } = house);
  });
  afterAll(() => house[Symbol.asyncDispose]());

  const linesOf = async (method: string): Promise<Wire[]> =>
    (await readHistory(await openSession(url, ada))).filter((line) => line.method === method);

  test("the server is initialized once, with every capability that a client can have", async () => {
    await openAs(url, bob, "2025-03-26", {});
    await createStatelessClient(url, {}, bob).call("pid");
    const greetings = await linesOf("initialize");
    expect(greetings).toHaveLength(1);
    expect(greetings[0]?.params?.["capabilities"]).toEqual({
      roots: { listChanged: true },
      sampling: { tools: {} },
      elicitation: { form: {}, url: {} },
    });
    expect(await linesOf("notifications/initialized")).toHaveLength(1);
  });

  test("a server request goes to a client with the capability, and is declined for one without", async () => {
    const able = await openAs(url, ada, "2025-11-25", ALL);
    const unable = await openAs(url, bob, "2025-11-25", { roots: {} });
    const refused = await unable.call("ask", FORM);
    expect(String(refused.result?.["answeredBy"])).toContain('"code":-32601');
    const without = await createStatelessClient(url, {}, bob).call("ask", FORM);
    expect(String(without.result?.["answeredBy"])).toContain('"code":-32601');
    const stream = listen(await able.start("ask", FORM));
    const { id } = await stream.next();
    await able.send({ jsonrpc: "2.0", id, result: { action: "accept" } });
    expect(String((await stream.next()).result?.["answeredBy"])).toContain("accept");
  });

  test("a server request during a session's call goes to that session, though others list and listen", async () => {
    const own = await openSession(url, ada);
    const other = createStatelessClient(url, ALL, bob);
    const listening = listen(
      await other.request("subscriptions/listen", { notifications: { toolsListChanged: true } }),
    );
    await listening.next();
    const stream = listen(await own.start("ask", FORM));
    const { id } = await stream.next();
    expect(await readAnswer(await other.request("tools/list"))).toHaveProperty("result");
    await own.send({ jsonrpc: "2.0", id, result: { action: "accept" } });
    expect(String((await stream.next()).result?.["answeredBy"])).toContain("accept");
    await listening.close();
  });

  test("a log line reaches no client while calls of both kinds run, and its own kind otherwise", async () => {
    const session = await openSession(url, bob);
    const idle = listen(await (await openSession(url, bob)).listen());
    const held = session.start("hold_silently", { key: "both" });
    await until("it is held", async () =>
      JSON.stringify(await readHistory(session)).includes('"key":"both"'),
    );
    const own = createStatelessClient(url, ALL, ada);
    expect(JSON.stringify(await readMessages(await own.start("log", { data: SECRET }, LOUD)))).not.toContain(
      SECRET,
    );
    await session.call("release", { key: "both" });
    expect(await readMessages(await held)).toHaveLength(1);
    expect(JSON.stringify(await readMessages(await own.start("log", { data: SECRET }, LOUD)))).toContain(
      SECRET,
    );
    await session.call("list_changed");
    expect((await idle.next()).method).toBe("notifications/tools/list_changed");
    await idle.close();
  });

  test("a resource stays subscribed while a client of either kind wants it", async () => {
    const uri = "file:///shared";
    const session = await openSession(url, ada);
    const other = createStatelessClient(url, ALL, bob);
    const notifications = { resourceSubscriptions: [uri] };
    const stream = listen(await other.request("subscriptions/listen", { notifications }));
    await stream.next();
    await session.send(request("resources/subscribe", { uri }));
    await readAnswer(await session.send(request("resources/unsubscribe", { uri })));
    expect(await linesOf("resources/unsubscribe")).toEqual([]);
    const update = `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"${uri}"}}`;
    await session.call("raw", { reply: `${update}\n{"jsonrpc":"2.0","id":$ID,"result":{}}` });
    expect((await stream.next()).method).toBe("notifications/resources/updated");
    await session.send(request("resources/subscribe", { uri }));
    await stream.close();
    const again = listen(await other.request("subscriptions/listen", { notifications }));
    await again.next();
    await session.end();
    await again.close();
    await until("no client wants it", async () => (await linesOf("resources/unsubscribe")).length === 1);
  });

  test("the server logs at the most verbose level wanted, and each client gets its own level", async () => {
    const session = await openSession(url, ada);
    const other = createStatelessClient(url, ALL, bob);
    await other.call("pid", {}, LOUD);
    await readAnswer(await session.send(request("logging/setLevel", { level: "error" })));
    await other.call("pid", {}, LOUD);
    const levels = await linesOf("logging/setLevel");
    expect(levels.map(({ params }) => params?.["level"]).slice(-3)).toEqual(["debug", "error", "debug"]);
    expect(await readMessages(await session.start("log", { data: "of no weight" }))).toHaveLength(1);
  });

  test("a crash fails the calls of both kinds at once, and ends no session or stream", async () => {
    const session = await openSession(url, ada);
    const stream = listen(await session.listen());
    const other = createStatelessClient(url, ALL, bob);
    const held = other.start("hold_silently", { key: "never" });
    await until("it is held", async () =>
      JSON.stringify(await readHistory(session)).includes('"key":"never"'),
    );
    expect((await session.call("crash")).error?.message).toContain("exited");
    expect((await readAnswer(await held)).error?.message).toContain("exited");
    expect(pidOf(await session.call("pid"))).toBe(pidOf(await other.call("pid")));
    await other.call("list_changed");
    expect((await stream.next()).method).toBe("notifications/tools/list_changed");
    await stream.close();
    expect(await linesOf("initialize")).toHaveLength(1);
  });
});

test("found 38: a process that ends during initialize leaves no client's initialize unanswered", async () => {
  await using house = await openHouse("hangs-at-initialize", SHARED);
  const { url, program, ada, bob } = house;
  const sse = listen(await fetch(program.ready.sse, { headers: bob }));
  const endpoint = new URL((await sse.nextEvent()).data, url).href;
  for (const id of [1, 2]) expect((await post(endpoint, { ...INITIALIZE, id }, bob)).status).toBe(202);
  const opening = post(url, INITIALIZE, ada);
  await until("it has been greeted", () => program.stderr().includes("Got initialize"));
  process.kill((await readStarts(program)).at(-1)!, "SIGKILL");
  const answers = [await sse.next(), await sse.next(), await readAnswer(await opening)];
  expect(answers.map(({ id, error }) => [id, error?.code])).toEqual([1, 2, 0].map((id) => [id, -32603]));
  await sse.close();
});

test("found 38: a server that is busy with one client is not too busy for another", async () => {
  await using house = await openHouse("obedient", [...SHARED, "--max-children", "1"]);
  const held = listen(await (await openSession(house.url, house.ada)).start("hold", { key: "all" }));
  await held.next();
  // There is room for one, and it is busy: who comes finds room on it.
  const { result } = await createStatelessClient(house.url, {}, house.bob).call("release", { key: "all" });
  expect(result).toBeDefined();
  expect(await held.next()).toMatchObject({ result: { released: "all" } });
});

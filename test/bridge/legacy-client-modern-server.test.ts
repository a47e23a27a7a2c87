// Clients with sessions on a server without. The real ones are in test/matrix.
import { describe, expect, test } from "bun:test";
import { createLegacyOnModern } from "../../src/bridge/legacy-client-modern-server/legacy-client-modern-server.ts";
import { META } from "../../src/mcp/meta.ts";
import { createFakeChild, createPairOptions, type FakeChild, type Line } from "./fake-child.ts";
import { INITIALIZE, openFakeSession, type FakeSession } from "./pair-clients.ts";

const DISCOVERED = {
  supportedVersions: ["2026-07-28"],
  capabilities: { tools: {}, extensions: {} },
  instructions: "Be kind.",
  _meta: { [META.serverInfo]: { name: "fake server", version: "2" } },
};
/** The envelope of a client that can be asked for input. */
const ENVELOPE =
  `"${META.version}":"2026-07-28","${META.capabilities}":{"elicitation":{},"roots":{}},` +
  `"${META.clientInfo}":{"name":"fake","version":"1"}`;
const CAPABILITIES = { elicitation: {}, roots: { listChanged: true }, tasks: {} };

function open() {
  const child = createFakeChild();
  const options = createPairOptions(child);
  return { child, options, adapter: createLegacyOnModern(options) };
}

async function greet(session: FakeSession, child: FakeChild) {
  const initialize = session.call({
    ...INITIALIZE,
    params: { ...INITIALIZE.params, capabilities: CAPABILITIES },
  });
  const discover = await child.answer("server/discover", DISCOVERED);
  return { discover, answer: await initialize.answer };
}

async function openGreeted() {
  const pair = open();
  const session = openFakeSession(pair.adapter);
  await greet(session, pair.child);
  return { ...pair, session };
}

function acknowledge(child: FakeChild, { id }: Line) {
  const params = { _meta: { [META.subscription]: id }, notifications: {} };
  child.say({ method: "notifications/subscriptions/acknowledged", params });
}

/** A session that listens. */
async function openListening() {
  const pair = await openGreeted();
  pair.session.send({ method: "notifications/initialized" });
  const listen = await pair.child.next();
  acknowledge(pair.child, listen);
  return { ...pair, listen };
}

const list = (id: number | string) => ({ id, method: "tools/list" });

describe("initialize", () => {
  test("is answered with what the server says in server/discover", async () => {
    const { child, adapter } = open();
    const { discover, answer } = await greet(openFakeSession(adapter), child);
    expect(discover.text).toContain(`"params":{"_meta":{${ENVELOPE}}}`);
    expect(answer.result).toEqual({
      protocolVersion: "2025-06-18",
      capabilities: { tools: {} },
      serverInfo: { name: "fake server", version: "2" },
      instructions: "Be kind.",
    });
  });

  test("is refused where the server does not answer that", async () => {
    const { child, adapter } = open();
    const call = openFakeSession(adapter).call(INITIALIZE);
    const { id } = await child.next();
    child.say({ id, error: { code: -32603, message: "No licence" } });
    expect((await call.answer).error).toEqual({
      code: -32603,
      message: "The MCP server did not say what it can do.",
    });
    expect(call.code()).toBe(-32603);
  });
});

describe("a call", () => {
  test("gets the client's envelope, and is byte for byte but for it and the id; so is its answer", async () => {
    const { child, session } = await openGreeted();
    const call = session.call('{"id":"x", "jsonrpc":"2.0","method":"tools/call","params":{"n":1.0}}');
    const { id, text } = await child.next();
    expect(text).toBe(
      `{"id":${id}, "jsonrpc":"2.0","method":"tools/call","params":{"_meta":{${ENVELOPE}},"n":1.0}}`,
    );
    child.say(`{"jsonrpc":"2.0","id":${id},"result":{ "n":1.0 }}`);
    expect((await call.answer).text).toBe('{"jsonrpc":"2.0","id":"x","result":{ "n":1.0 }}');
  });

  test("with params by position is refused, for they have no place for an envelope", async () => {
    const { child, session } = await openGreeted();
    const call = session.call({ id: 1, method: "vendor/sum", params: [1, 2] });
    expect((await call.answer).error?.code).toBe(-32602);
    expect(child.rest()).toEqual([]);
  });

  test("hears of its progress under its own token", async () => {
    const { child, session } = await openGreeted();
    const call = session.call({ id: 1, method: "tools/call", params: { _meta: { progressToken: "p" } } });
    const { id } = await child.next();
    child.say({ method: "notifications/progress", params: { progressToken: id, progress: 1 } });
    expect((await call.before.next()).params).toEqual({ progressToken: "p", progress: 1 });
  });

  test("that its client cancels is cancelled at the server; a late answer is dropped", async () => {
    const { child, session } = await openGreeted();
    const call = session.call(list(1));
    const { id } = await child.next();
    session.send({ method: "notifications/cancelled", params: { requestId: 1 } });
    expect((await child.next()).params).toEqual({ requestId: id });
    child.say({ id, result: {} });
    expect([call.isCancelled(), child.rest()]).toEqual([true, []]);
  });

  test("gets an output that is not an object wrapped in one, as the list of tools promises", async () => {
    const { child, session } = await openGreeted();
    const tools = session.call(list(1));
    await child.answer("tools/list", { tools: [{ name: "sum", outputSchema: { type: "number" } }] });
    const [tool] = (await tools.answer).result!["tools"] as { outputSchema: object }[];
    expect(tool!.outputSchema).toEqual({
      type: "object",
      properties: { result: { type: "number" } },
      required: ["result"],
    });
    const call = session.call({ id: 2, method: "tools/call", params: { name: "sum" } });
    await child.answer("tools/call", { structuredContent: 3 });
    expect((await call.answer).result).toEqual({ structuredContent: { result: 3 } });
  });

  test("fails when the process ends; the next one starts another process", async () => {
    const { child, session } = await openGreeted();
    const lost = session.call(list(1));
    await child.next();
    child.exit();
    expect((await lost.answer).error?.message).toContain("exited with status 3");
    const next = session.call(list(2));
    await child.answer("tools/list", {});
    expect(await next.answer).toMatchObject({ id: 2, result: {} });
  });
});

describe("input_required", () => {
  const asks = (inputRequests: object) => ({
    resultType: "input_required",
    inputRequests,
    requestState: "s",
  });

  test("is put to the client request by request, and the call made again with the answers", async () => {
    const { child, session } = await openGreeted();
    const call = session.call({ id: 1, method: "tools/call", params: { name: "buy" } });
    const inputRequests = {
      a: { method: "elicitation/create", params: { mode: "url", url: "https://x.test" } },
      b: { method: "roots/list" },
    };
    await child.answer("tools/call", asks(inputRequests));
    const [a, b] = [await call.before.next(), await call.before.next()];
    expect([a.method, b.method]).toEqual(["elicitation/create", "roots/list"]);
    expect(a.params).toMatchObject({ elicitationId: "02".repeat(16), url: "https://x.test" });
    session.send({ id: b.id, result: { roots: [] } });
    expect(child.rest()).toEqual([]);
    session.send({ id: a.id, error: { code: -1, message: "?" } });
    const retry = await child.answer("tools/call", { content: [] });
    expect(retry.text).toContain(
      `"params":{"inputResponses":{"a":{"action":"cancel"},"b":{"roots":[]}},"requestState":"s",`,
    );
    expect(retry.text).toContain(ENVELOPE);
    expect((await call.answer).result).toEqual({ content: [] });
  });

  test("that cannot be declined ends the call with the client's error", async () => {
    const { child, session } = await openGreeted();
    const call = session.call({ id: 1, method: "tools/call" });
    await child.answer("tools/call", asks({ a: { method: "roots/list" } }));
    const { id } = await call.before.next();
    session.send({ id, error: { code: -7, message: "No roots" } });
    expect((await call.answer).error).toEqual({ code: -7, message: "No roots" });
  });

  test("is not sent to a call that the client has cancelled, though its id is in use again", async () => {
    const { child, session } = await openGreeted();
    const call = session.call({ id: 1, method: "tools/call" });
    await child.answer("tools/call", asks({ a: { method: "roots/list" } }));
    const { id } = await call.before.next();
    session.send({ method: "notifications/cancelled", params: { requestId: 1 } });
    await child.next();
    const next = session.call(list(1));
    const { id: sent } = await child.next();
    session.send({ id, result: { roots: [] } });
    // All that follows from the answer happens in this turn.
    await new Promise(setImmediate);
    expect(child.rest()).toEqual([]);
    child.say({ id: sent, result: { tools: [] } });
    expect((await next.answer).result).toEqual({ tools: [] });
  });

  test("after the tenth time ends the call", async () => {
    const { child, session } = await openGreeted();
    const call = session.call({ id: 1, method: "tools/call" });
    for (let round = 0; round < 10; round++) {
      await child.answer("tools/call", asks({ a: { method: "roots/list" } }));
      session.send({ id: (await call.before.next()).id, result: { roots: [] } });
    }
    await child.answer("tools/call", asks({ a: { method: "roots/list" } }));
    expect((await call.answer).error?.message).toMatch(/10/);
    expect(child.rest()).toEqual([]);
  });
});

test("ping and the log level are answered by the bridge; the level stands in the next call's envelope", async () => {
  const { child, session } = await openGreeted();
  expect((await session.call({ id: 1, method: "ping" }).answer).result).toEqual({});
  const setLevel = (level: string) => session.call({ id: 2, method: "logging/setLevel", params: { level } });
  expect((await setLevel("loud").answer).error?.code).toBe(-32602);
  expect((await setLevel("info").answer).result).toEqual({});
  expect(child.rest()).toEqual([]);
  session.call(list(3));
  expect((await child.next()).text).toContain(`"${META.logLevel}":"info"`);
});

test("a log line goes to the newest call of the one session that wants lines, and to none in doubt", async () => {
  const { child, session, adapter } = await openGreeted();
  const other = openFakeSession(adapter);
  await greet(other, child);
  const setLevel = { id: 9, method: "logging/setLevel", params: { level: "info" } };
  await session.call(setLevel).answer;
  const [wanting, silent] = [session.call(list(1)), other.call(list(1))];
  const line = { method: "notifications/message", params: { level: "warning", data: "x" } };
  child.say(line);
  expect((await wanting.before.next()).params).toEqual(line.params);
  child.say({ ...line, params: { level: "debug" } });
  await other.call(setLevel).answer;
  child.say(line);
  expect([wanting.before.rest(), silent.before.rest()]).toEqual([[], []]);
});

test("a request of the server's is refused: in its revision it asks in its answers", async () => {
  const { child } = await openGreeted();
  child.say({ id: 9, method: "roots/list" });
  expect(await child.next()).toMatchObject({ id: 9, error: { code: -32601 } });
});

describe("a session", () => {
  const changed = (id: Line["id"], more = {}) => ({
    method: "notifications/tools/list_changed",
    params: { _meta: { [META.subscription]: id, ...more } },
  });

  test("gets changes of lists without asking, on its own stream and without the subscription id", async () => {
    const { child, session, listen } = await openListening();
    expect(listen.params?.["notifications"]).toEqual({
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: true,
    });
    child.say(changed(listen.id));
    expect((await session.unrelated.next()).params).toEqual({});
    child.say(changed(listen.id, { "a/b": 1 }));
    expect((await session.unrelated.next()).params).toEqual({ _meta: { "a/b": 1 } });
    child.say(changed(999));
    expect(session.unrelated.rest()).toEqual([]);
  });

  test("that subscribes gets a new stream before the old one is ended", async () => {
    const { child, session, listen } = await openListening();
    const subscribe = session.call({ id: 1, method: "resources/subscribe", params: { uri: "file:///a" } });
    const second = await child.next();
    expect(second.params?.["notifications"]).toMatchObject({ resourceSubscriptions: ["file:///a"] });
    expect(child.rest()).toEqual([]);
    acknowledge(child, second);
    expect((await subscribe.answer).result).toEqual({});
    expect(await child.next()).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: listen.id },
    });
  });

  test("listens again on the process that takes the place of one that ended", async () => {
    const { child, session } = await openListening();
    child.exit();
    const call = session.call(list(1));
    const sent = [await child.next(), await child.next()];
    expect(sent.map(({ method }) => method)).toContain("subscriptions/listen");
    child.say({ id: sent.find(({ method }) => method === "tools/list")!.id, result: {} });
    await call.answer;
    child.say(changed(sent.find(({ method }) => method === "subscriptions/listen")!.id));
    expect((await session.unrelated.next()).method).toBe("notifications/tools/list_changed");
  });

  test("that ends ends its stream", async () => {
    const { child, session, listen } = await openListening();
    session.close();
    expect((await child.next()).params).toEqual({ requestId: listen.id });
  });
});

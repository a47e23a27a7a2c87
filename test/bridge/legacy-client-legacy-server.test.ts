// Clients with sessions on a server with a handshake. The real ones are in calls.test.ts and test/matrix.
import { describe, expect, test } from "bun:test";
import { createLegacyOnLegacy } from "../../src/bridge/legacy-client-legacy-server/legacy-client-legacy-server.ts";
import { createFakeChild, createPairOptions } from "./fake-child.ts";
import { greetLegacy, INITIALIZE, INITIALIZE_RESULT, openFakeSession } from "./pair-clients.ts";

function open() {
  const child = createFakeChild();
  const options = createPairOptions(child);
  return { child, options, adapter: createLegacyOnLegacy(options) };
}

async function openGreeted() {
  const pair = open();
  return { ...pair, session: await greetLegacy(pair.adapter, pair.child) };
}

const list = (id: number | string) => ({ id, method: "tools/list" });

describe("a call", () => {
  test("reaches the server, and its answer the client, byte for byte but for the id", async () => {
    const { child, session } = await openGreeted();
    const call = session.call(
      '{ "method":"tools/call", "params":{"n":1.0,"big":12345678901234567890,"é" : null},"id":"a\\u0062","jsonrpc":"2.0" }',
    );
    const { id, text } = await child.next();
    expect(text).toBe(
      `{ "method":"tools/call", "params":{"n":1.0,"big":12345678901234567890,"é" : null},"id":${id},"jsonrpc":"2.0" }`,
    );
    child.say(`{"jsonrpc":"2.0","id":${id},"result":{"n":1.0,"big":12345678901234567890,"ü" : [ ]}}`);
    expect((await call.answer).text).toBe(
      '{"jsonrpc":"2.0","id":"a\\u0062","result":{"n":1.0,"big":12345678901234567890,"ü" : [ ]}}',
    );
  });

  test("gets an answer that has to be read, with its id in the middle, byte for byte too", async () => {
    const { child, session } = await openGreeted();
    const call = session.call(list(7));
    const { id } = await child.next();
    child.say(`{"result":{"n":1.0},"id":${id},"extra":true,"jsonrpc":"2.0"}`);
    expect((await call.answer).text).toBe('{"result":{"n":1.0},"id":7,"extra":true,"jsonrpc":"2.0"}');
  });

  test("of two sessions under the same id gets its own answer each, in whatever order", async () => {
    const { child, session, adapter } = await openGreeted();
    const other = openFakeSession(adapter);
    const calls = [session.call(list(1)), other.call(list(1))];
    const sent = [await child.next(), await child.next()];
    child.say({ id: sent[1]!.id, result: { of: "other" } });
    child.say({ id: sent[0]!.id, result: { of: "session" } });
    expect((await calls[0]!.answer).result).toEqual({ of: "session" });
    expect((await calls[1]!.answer).result).toEqual({ of: "other" });
  });

  test("under an id in use is refused, and the first one goes on", async () => {
    const { child, session } = await openGreeted();
    const first = session.call(list(1));
    const second = session.call(list(1));
    expect((await second.answer).error).toEqual({
      code: -32600,
      message: "The id 1 belongs to a call that has not been answered yet.",
    });
    expect(second.code()).toBe(-32600);
    await child.answer("tools/list", { tools: [] });
    expect((await first.answer).result).toEqual({ tools: [] });
  });

  test("hears of its progress under its own token, before its answer", async () => {
    const { child, session } = await openGreeted();
    const call = session.call({ id: 1, method: "tools/call", params: { _meta: { progressToken: "mine" } } });
    const { id, params } = await child.next();
    const token = (params!["_meta"] as { progressToken: number }).progressToken;
    expect(token).toBe(id as number);
    child.say({ method: "notifications/progress", params: { progressToken: token, progress: 1 } });
    expect((await call.before.next()).params).toEqual({ progressToken: "mine", progress: 1 });
  });

  test("that its client cancels is cancelled at the server under our number; a late answer is dropped", async () => {
    const { child, session, adapter } = await openGreeted();
    const call = session.call(list(1));
    const { id } = await child.next();
    session.send(
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1, "reason":"x"}}',
    );
    expect((await child.next()).text).toBe(
      `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}, "reason":"x"}}`,
    );
    expect([call.isCancelled(), adapter.pending]).toEqual([true, 0]);
    child.say({ id, result: {} });
    const next = session.call(list(1));
    await child.answer("tools/list", { fresh: true });
    expect((await next.answer).result).toEqual({ fresh: true });
  });

  test("in flight when its session ends gets an error, and the server hears that the client has gone", async () => {
    const { child, session } = await openGreeted();
    const call = session.call(list(1));
    const { id } = await child.next();
    session.close();
    expect((await call.answer).error?.message).toBe("The session has ended before the MCP server answered.");
    expect((await child.next()).params).toEqual({ requestId: id, reason: "The client has gone." });
    expect(session.isClosed()).toBe(true);
  });
});

describe("a request of the server's", () => {
  const question = { id: "q", method: "roots/list" };

  test("comes with the call that runs, and its answer goes back under the server's id", async () => {
    const { child, session, adapter } = await openGreeted();
    openFakeSession(adapter);
    const call = session.call(list(1));
    await child.next();
    child.say(question);
    const asked = await call.before.next();
    expect(asked.method).toBe("roots/list");
    session.send(`{"jsonrpc":"2.0","id":${asked.id},"result":{"roots":[ 1.0 ]}}`);
    expect((await child.next()).text).toBe('{"jsonrpc":"2.0","id":"q","result":{"roots":[ 1.0 ]}}');
  });

  test("goes to the session used last when no call runs, and its cancellation follows it", async () => {
    const { child, session, adapter } = await openGreeted();
    const other = openFakeSession(adapter);
    session.send({ method: "notifications/roots/list_changed" });
    await child.next();
    child.say(question);
    const asked = await session.unrelated.next();
    child.say({ method: "notifications/cancelled", params: { requestId: "q" } });
    expect((await session.unrelated.next()).params).toEqual({ requestId: asked.id });
    session.send({ id: asked.id, result: {} });
    expect([child.rest(), other.unrelated.rest()]).toEqual([[], []]);
  });

  test("cannot be answered by another session", async () => {
    const { child, session, adapter } = await openGreeted();
    const other = openFakeSession(adapter);
    session.call(list(1));
    await child.next();
    child.say(question);
    other.send({ id: 1, result: { stolen: true } });
    expect(child.rest()).toEqual([]);
  });

  test("is answered with an error when its session ends, or when there is none", async () => {
    const { child, session } = await openGreeted();
    child.say(question);
    await session.unrelated.next();
    session.close();
    expect(await child.next()).toMatchObject({ id: "q", error: { message: "The client has gone." } });
    child.say(question);
    expect(await child.next()).toMatchObject({ id: "q", error: { message: "No client is connected." } });
  });
});

describe("a notification outside a call", () => {
  test("reaches all sessions when it is about the lists, and one when it is about a call", async () => {
    const { child, session, adapter } = await openGreeted();
    const other = openFakeSession(adapter);
    child.say({ method: "notifications/tools/list_changed" });
    expect((await session.unrelated.next()).method).toBe("notifications/tools/list_changed");
    expect((await other.unrelated.next()).method).toBe("notifications/tools/list_changed");
    const call = other.call(list(1));
    await child.next();
    child.say({ method: "notifications/vendor" });
    expect((await call.before.next()).method).toBe("notifications/vendor");
    expect(session.unrelated.rest()).toEqual([]);
  });

  test("is logged to each session at the level it has set; the process has the least severe one", async () => {
    const { child, session, adapter } = await openGreeted();
    const other = openFakeSession(adapter);
    const setLevel = (level: string) => ({ id: 1, method: "logging/setLevel", params: { level } });
    session.call(setLevel("info"));
    expect((await child.answer("logging/setLevel", {})).params).toEqual({ level: "info" });
    const quieter = other.call(setLevel("error"));
    expect((await quieter.answer).text).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
    const line = { method: "notifications/message", params: { level: "warning", data: "x" } };
    child.say(line);
    expect((await session.unrelated.next()).params).toEqual(line.params);
    expect([other.unrelated.rest(), child.rest()]).toEqual([[], []]);
    const call = other.call(list(2));
    child.say(line);
    child.say({ ...line, params: { level: "error", data: "y" } });
    expect(call.before.rest()).toMatchObject([{ params: { data: "y" } }]);
    expect(session.unrelated.rest()).toEqual([]);
  });

  test("about a resource reaches the sessions that have subscribed; the last one that ends unsubscribes", async () => {
    const { child, session, adapter } = await openGreeted();
    const other = openFakeSession(adapter);
    const subscribe = { id: 1, method: "resources/subscribe", params: { uri: "file:///a" } };
    for (const one of [session, other]) {
      const call = one.call(subscribe);
      await child.answer("resources/subscribe", {});
      await call.answer;
    }
    const stranger = openFakeSession(adapter);
    child.say({ method: "notifications/resources/updated", params: { uri: "file:///a" } });
    await session.unrelated.next();
    await other.unrelated.next();
    expect(stranger.unrelated.rest()).toEqual([]);
    session.close();
    expect(child.rest()).toEqual([]);
    other.close();
    expect(await child.next()).toMatchObject({
      method: "resources/unsubscribe",
      params: { uri: "file:///a" },
    });
  });
});

describe("initialize", () => {
  test("of the first session goes to the server as it is, and its answer to the others too", async () => {
    const { child, adapter } = open();
    const [first, second] = [openFakeSession(adapter), openFakeSession(adapter)];
    const one = first.call(INITIALIZE);
    const two = second.call({ ...INITIALIZE, id: "two" });
    expect((await child.answer("initialize", INITIALIZE_RESULT)).params).toEqual(INITIALIZE.params);
    expect(await one.answer).toMatchObject({ id: 0, result: INITIALIZE_RESULT });
    expect(await two.answer).toMatchObject({ id: "two", result: INITIALIZE_RESULT });
    first.send({ method: "notifications/initialized" });
    second.send({ method: "notifications/initialized" });
    expect(child.rest().map(({ method }) => method)).toEqual(["notifications/initialized"]);
  });

  test("that the server refuses is answered with its refusal, and the next session asks again", async () => {
    const { child, adapter, options } = open();
    const [first, second] = [openFakeSession(adapter), openFakeSession(adapter)];
    const one = first.call(INITIALIZE);
    const two = second.call({ ...INITIALIZE, id: "two" });
    const { id } = await child.next();
    child.say({ id, error: { code: -32602, message: "Wrong version" } });
    expect((await one.answer).error).toEqual({ code: -32602, message: "Wrong version" });
    expect(options.logged.join("\n")).toContain('"Wrong version"');
    await child.answer("initialize", INITIALIZE_RESULT);
    expect(await two.answer).toMatchObject({ id: "two", result: INITIALIZE_RESULT });
  });

  test("of a session that ends before the server answers does not keep the next one waiting", async () => {
    const { child, adapter } = open();
    const [first, second] = [openFakeSession(adapter), openFakeSession(adapter)];
    const one = first.call(INITIALIZE);
    const two = second.call({ ...INITIALIZE, id: "two" });
    const { id } = await child.next();
    first.close();
    expect((await child.next()).method).toBe("notifications/cancelled");
    await child.answer("initialize", INITIALIZE_RESULT);
    expect(await two.answer).toMatchObject({ id: "two", result: INITIALIZE_RESULT });
    child.say({ id, result: INITIALIZE_RESULT });
    expect((await one.answer).error?.message).toContain("session has ended");
    expect(one.after()).toEqual([]);
  });

  test("is answered once where its session ends while another's is under way", async () => {
    const { child, adapter } = open();
    const [first, second] = [openFakeSession(adapter), openFakeSession(adapter)];
    first.call(INITIALIZE);
    const two = second.call({ ...INITIALIZE, id: "two" });
    second.close();
    await child.answer("initialize", INITIALIZE_RESULT);
    expect((await two.answer).error?.message).toContain("session has ended");
    const next = openFakeSession(adapter).call(INITIALIZE);
    expect((await next.answer).result).toEqual(INITIALIZE_RESULT);
    expect([two.after(), child.rest()]).toEqual([[], []]);
  });
});

describe("a process that ends", () => {
  test("fails its calls at once; the next one is initialized as the first was, before the next call", async () => {
    const { child, session } = await openGreeted();
    const lost = session.call(list(1));
    await child.next();
    child.exit();
    expect((await lost.answer).error).toEqual({
      code: -32603,
      message: "The MCP server exited with status 3. Try again: a server that has ended is started again.",
    });
    const next = session.call(list(1));
    expect((await child.answer("initialize", INITIALIZE_RESULT)).params).toEqual(INITIALIZE.params);
    expect((await child.next()).method).toBe("notifications/initialized");
    await child.answer("tools/list", { tools: [] });
    expect((await next.answer).result).toEqual({ tools: [] });
    expect(child.starts).toBe(2);
  });

  test("and whose successor refuses the handshake is given up", async () => {
    const { child, session, options } = await openGreeted();
    child.exit();
    const call = session.call(list(1));
    const { id } = await child.next();
    child.say({ id, error: { code: -32603, message: "No licence" } });
    expect((await call.answer).error?.message).toContain('refused to begin: "No licence"');
    expect(options.goneCount()).toBe(1);
  });
});

test("a session that has ended meanwhile sends the server nothing more", async () => {
  const { child, session } = await openGreeted();
  session.close();
  const late = session.call({ ...list(1), method: "tools/call", params: { name: "reader" } });
  session.send({ method: "notifications/roots/list_changed" });
  expect((await late.answer).error?.message).toContain("session has ended");
  expect(late.code()).toBe(-32603);
  expect(child.rest()).toEqual([]);
});

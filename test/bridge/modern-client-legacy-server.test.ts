// Clients without sessions on a server with a handshake. The real ones are in test/matrix.
import { describe, expect, test } from "bun:test";
import { createModernOnLegacy } from "../../src/bridge/modern-client-legacy-server/modern-client-legacy-server.ts";
import { META } from "../../src/mcp/meta.ts";
import { createFakeChild, createPairOptions, writeEnvelope, type WireMessage } from "./fake-child.ts";
import { callStateless, INITIALIZE_RESULT } from "./pair-clients.ts";

const CAPABLE = writeEnvelope({ elicitation: {}, roots: {} });
const SERVER_INFO = `"_meta":{"${META.serverInfo}":{"name":"fake server","version":"2"}}`;

function open(envelope = CAPABLE) {
  const child = createFakeChild();
  const options = createPairOptions(child, envelope);
  return { child, options, adapter: createModernOnLegacy(options) };
}

async function openGreeted(
  capabilities: object = { tools: { listChanged: true }, resources: { subscribe: true } },
) {
  const pair = open();
  const initialize = await pair.child.answer("initialize", { ...INITIALIZE_RESULT, capabilities });
  await pair.child.next();
  return { ...pair, initialize };
}

const list = (id: number | string) => ({ id, method: "tools/list" });
const buy = (id: number | string, more: object = {}) => ({
  id,
  method: "tools/call",
  params: { name: "buy", ...more },
});

describe("the handshake", () => {
  test("is made in the first client's name, before its call", async () => {
    const { child, adapter } = open();
    callStateless(adapter, list(1), CAPABLE);
    const { params } = await child.answer("initialize", INITIALIZE_RESULT);
    expect(params).toEqual({
      protocolVersion: "2025-11-25",
      capabilities: { elicitation: {}, roots: {} },
      clientInfo: { name: "fake", version: "1" },
    });
    expect((await child.next()).method).toBe("notifications/initialized");
    expect((await child.next()).method).toBe("tools/list");
  });

  test("that the server refuses fails every call with its words, and the process is given up", async () => {
    const { child, adapter, options } = open();
    const [early, discover] = [list(1), { id: 2, method: "server/discover" }].map((request) =>
      callStateless(adapter, request),
    );
    const { id } = await child.next();
    child.say({ id, error: { code: -32603, message: "No licence" } });
    expect((await early!.answer).error?.message).toContain('refused to begin: "No licence"');
    expect((await discover!.answer).error?.message).toContain('"No licence"');
    expect((await callStateless(adapter, list(3)).answer).error?.message).toContain('"No licence"');
    expect(options.goneCount()).toBe(1);
  });

  test("is what server/discover is answered from", async () => {
    const { adapter } = await openGreeted({ tools: {}, tasks: {} });
    expect((await callStateless(adapter, { id: 1, method: "server/discover" }).answer).result).toEqual({
      resultType: "complete",
      supportedVersions: ["2026-07-28"],
      capabilities: { tools: {} },
      ttlMs: 0,
      cacheScope: "private",
      _meta: { [META.serverInfo]: INITIALIZE_RESULT.serverInfo },
    });
  });
});

describe("a call", () => {
  test("loses its envelope and is byte for byte else; its answer gets what the revision wants", async () => {
    const { child, adapter } = await openGreeted();
    const call = callStateless(
      adapter,
      `{"id":"x", "jsonrpc":"2.0","method":"tools/call","params":{"n":1.0,"_meta":{"${META.version}":"2026-07-28","a/b" : 1}}}`,
    );
    const { id, text } = await child.next();
    expect(text).toBe(
      `{"id":${id}, "jsonrpc":"2.0","method":"tools/call","params":{"n":1.0,"_meta":{"a/b" : 1}}}`,
    );
    child.say(`{"jsonrpc":"2.0","id":${id},"result":{ "n":1.0 }}`);
    expect((await call.answer).text).toBe(
      `{"jsonrpc":"2.0","id":"x","result":{"resultType":"complete",${SERVER_INFO}, "n":1.0 }}`,
    );
  });

  test("that fails keeps the error's code, or gets this revision's code for a missing resource", async () => {
    const { child, adapter } = await openGreeted();
    const call = callStateless(adapter, { id: 1, method: "resources/read", params: { uri: "x:y" } });
    const { id } = await child.next();
    child.say({ id, error: { code: -32002, message: "?" } });
    expect((await call.answer).error).toEqual({ code: -32602, message: "?" });
    expect(call.code()).toBe(-32602);
  });

  test("hears of its progress under its own token", async () => {
    const { child, adapter } = await openGreeted();
    const call = callStateless(adapter, buy(1, { _meta: { progressToken: "p" } }));
    const { id } = await child.next();
    child.say({ method: "notifications/progress", params: { progressToken: id, progress: 1 } });
    expect((await call.before.next()).params).toEqual({ progressToken: "p", progress: 1 });
  });

  test("is cancelled at the server when its client goes; a late answer is dropped", async () => {
    const { child, adapter } = await openGreeted();
    const call = callStateless(adapter, list(1));
    const { id } = await child.next();
    call.leave();
    expect(await child.next()).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: id },
    });
    child.say({ id, result: {} });
    expect([adapter.pending, child.rest()]).toEqual([0, []]);
  });

  test("of a method that this revision has no longer is refused", async () => {
    const { child, adapter } = await openGreeted();
    expect((await callStateless(adapter, { id: 1, method: "ping" }).answer).error?.code).toBe(-32601);
    expect(child.rest()).toEqual([]);
  });

  test("fails when the process ends; the next process is initialized first", async () => {
    const { child, adapter } = await openGreeted();
    const lost = callStateless(adapter, list(1));
    await child.next();
    child.exit();
    expect((await lost.answer).error?.message).toContain("exited with status 3");
    const next = callStateless(adapter, list(2));
    await child.answer("initialize", INITIALIZE_RESULT);
    await child.next();
    await child.answer("tools/list", { tools: [] });
    expect((await next.answer).result).toMatchObject({ tools: [], ttlMs: 0, cacheScope: "private" });
  });
});

describe("a request of the server's", () => {
  const elicit = { id: "q1", method: "elicitation/create", params: { message: "Sure?", elicitationId: "e" } };

  /** A call whose client has been asked. */
  async function openAsked() {
    const pair = await openGreeted();
    const call = callStateless(pair.adapter, buy(1), CAPABLE);
    const { id } = await pair.child.next();
    pair.child.say(elicit);
    pair.child.say({ id: "q2", method: "roots/list" });
    const asked = await call.answer;
    return { ...pair, id, asked, requestState: asked.result!["requestState"] as string };
  }

  function retry(id: number, requestState: string, inputResponses: object = {}): WireMessage {
    return buy(id, { requestState, inputResponses });
  }

  const ANSWERS = { "elicitation-1": { action: "accept" }, "roots-1": { roots: [] } };

  test("ends the client's request with input_required; its answers go to the server, which goes on", async () => {
    const { child, adapter, id, asked, requestState } = await openAsked();
    expect(asked.result).toMatchObject({
      resultType: "input_required",
      inputRequests: {
        "elicitation-1": { method: "elicitation/create", params: { message: "Sure?" } },
        "roots-1": { method: "roots/list" },
      },
    });
    expect(asked.text).not.toContain("elicitationId");
    const again = callStateless(adapter, retry(2, requestState, ANSWERS), CAPABLE);
    expect(child.rest().map(({ text }) => text)).toEqual([
      '{"jsonrpc":"2.0","id":"q1","result":{"action":"accept"}}',
      '{"jsonrpc":"2.0","id":"q2","result":{"roots":[]}}',
    ]);
    child.say({ id, result: { bought: true } });
    expect(await again.answer).toMatchObject({ id: 2, result: { bought: true, resultType: "complete" } });
  });

  test("that the retry leaves open is put to the client once more", async () => {
    const { adapter, requestState } = await openAsked();
    const { "roots-1": roots } = ANSWERS;
    const again = await callStateless(adapter, retry(2, requestState, { "roots-1": roots }), CAPABLE).answer;
    expect(Object.keys(again.result!["inputRequests"] as object)).toEqual(["elicitation-1"]);
    expect(again.result!["requestState"]).not.toBe(requestState);
    const old = callStateless(adapter, retry(3, requestState, ANSWERS), CAPABLE);
    expect((await old.answer).error?.code).toBe(-32602);
  });

  test("is resumed by its own person alone, with the same request, and once", async () => {
    const { child, adapter, requestState } = await openAsked();
    const resumed = retry(2, requestState, ANSWERS);
    const refused = [
      callStateless(adapter, resumed, CAPABLE, "eve"),
      callStateless(adapter, { ...resumed, params: { ...resumed.params, name: "sell" } }, CAPABLE),
      callStateless(adapter, retry(2, `${requestState}x`, ANSWERS), CAPABLE),
      callStateless(adapter, resumed, writeEnvelope()),
    ];
    for (const call of refused) expect((await call.answer).error?.code).toBe(-32602);
    expect(child.rest()).toEqual([]);
    callStateless(adapter, resumed, CAPABLE);
    expect(child.rest()).toHaveLength(2);
    expect((await callStateless(adapter, resumed, CAPABLE).answer).error?.code).toBe(-32602);
  });

  test("whose call ends while the client is away keeps the answer for its return", async () => {
    const { child, adapter, id, requestState } = await openAsked();
    child.say({ id, result: { bought: false } });
    const again = callStateless(adapter, retry(2, requestState, ANSWERS), CAPABLE);
    expect((await again.answer).result).toMatchObject({ bought: false });
  });

  test("that the server cancels is no longer sent", async () => {
    const { child, adapter, requestState } = await openAsked();
    child.say({ method: "notifications/cancelled", params: { requestId: "q1" } });
    callStateless(adapter, retry(2, requestState, ANSWERS), CAPABLE);
    expect(child.rest().map(({ id }) => id)).toEqual(["q2"]);
  });

  test("that comes while no call runs is carried by the next one", async () => {
    const { child, adapter } = await openGreeted();
    child.say({ id: "q", method: "roots/list" });
    const call = callStateless(adapter, buy(1), CAPABLE);
    expect((await call.answer).result).toMatchObject({
      inputRequests: { "roots-1": { method: "roots/list" } },
    });
    expect(child.rest()).toEqual([]);
  });

  test("that needs a capability the client lacks is refused, and a call that fails for it names the capability", async () => {
    const { child, adapter } = await openGreeted();
    const call = callStateless(adapter, buy(1), writeEnvelope());
    const { id } = await child.next();
    child.say({ id: "q", method: "roots/list" });
    expect(await child.next()).toMatchObject({ id: "q", error: { code: -32601 } });
    child.say({ id, error: { code: -32601, message: "?" } });
    expect((await call.answer).error).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: { roots: {} } },
    });
  });

  test("is declined for a client that leaves before it was sent", async () => {
    const { child, adapter } = await openGreeted();
    const call = callStateless(adapter, buy(1), CAPABLE);
    await child.next();
    child.say(elicit);
    call.leave();
    expect(await child.next()).toMatchObject({ id: "q1", result: { action: "cancel" } });
    expect((await child.next()).method).toBe("notifications/cancelled");
  });

  test("of a process that has ended is forgotten; the retry gets an error that says so", async () => {
    const { child, adapter, requestState } = await openAsked();
    child.exit();
    const again = callStateless(adapter, retry(2, requestState, ANSWERS), CAPABLE);
    expect((await again.answer).error?.message).toContain("exited with status 3");
  });

  test("is answered by the bridge where it is a ping, and refused where no client knows it", async () => {
    const { child } = await openGreeted();
    child.say({ id: 1, method: "ping" });
    expect(await child.next()).toMatchObject({ id: 1, result: {} });
    child.say({ id: 2, method: "vendor/ask" });
    expect(await child.next()).toMatchObject({ id: 2, error: { code: -32601 } });
  });
});

describe("a page that a person has to open first", () => {
  const URLS = writeEnvelope({ elicitation: { url: {} } });
  const elicitations = [{ url: "https://x.test", message: "Sign in" }];

  async function openSent(envelope = URLS) {
    const pair = await openGreeted();
    const call = callStateless(pair.adapter, buy(1), envelope);
    const { id } = await pair.child.next();
    pair.child.say({ id, error: { code: -32042, message: "?", data: { elicitations } } });
    return { ...pair, answer: await call.answer };
  }

  test("is input that the call needs; accepted, the call is made once more", async () => {
    const { child, adapter, answer } = await openSent();
    expect(answer.result).toMatchObject({
      inputRequests: {
        "elicitation-1": { params: { mode: "url", url: "https://x.test", message: "Sign in" } },
      },
    });
    const { requestState } = answer.result!;
    const again = (id: number, action: string) =>
      callStateless(adapter, buy(id, { requestState, inputResponses: { a: { action } } }), URLS);
    expect((await again(2, "decline").answer).result).toMatchObject({ isError: true });
    expect(child.rest()).toEqual([]);
    again(3, "accept");
    expect((await child.next()).params).toEqual({ name: "buy" });
  });

  test("is a missing capability where the client cannot open any", async () => {
    const { answer } = await openSent(CAPABLE);
    expect(answer.error).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: { elicitation: { url: {} } } },
    });
  });
});

describe("a log line", () => {
  const line = { method: "notifications/message", params: { level: "warning", data: "x" } };

  test("goes to the newest call that wants lines; the server's level is the least severe one wanted so far", async () => {
    const { child, adapter } = await openGreeted();
    const wanting = callStateless(adapter, list(1), writeEnvelope({}, "info"));
    expect(await child.next()).toMatchObject({ method: "logging/setLevel", params: { level: "info" } });
    await child.next();
    const silent = callStateless(adapter, list(2));
    child.say(line);
    expect((await wanting.before.next()).params).toEqual(line.params);
    callStateless(adapter, list(3), writeEnvelope({}, "error"));
    child.say(line);
    expect(wanting.before.rest()).toEqual([]);
    expect(silent.before.rest()).toEqual([]);
    expect(child.rest().map(({ method }) => method)).toEqual(["tools/list", "tools/list"]);
  });

  test("from before the first call is kept for it", async () => {
    const { child, adapter } = await openGreeted();
    child.say(line);
    const call = callStateless(adapter, list(1), writeEnvelope({}, "info"));
    expect((await call.before.next()).params).toEqual(line.params);
  });
});

describe("a subscription", () => {
  const listen = (id: string, notifications: object) => ({
    id,
    method: "subscriptions/listen",
    params: { notifications },
  });

  test("is acknowledged with what the server supports, and gets its changes under its own id", async () => {
    const { child, adapter } = await openGreeted();
    const call = callStateless(adapter, listen("a", { toolsListChanged: true, promptsListChanged: true }));
    expect(await call.before.next()).toMatchObject({
      method: "notifications/subscriptions/acknowledged",
      params: { _meta: { [META.subscription]: "a" }, notifications: { toolsListChanged: true } },
    });
    child.say({ method: "notifications/prompts/list_changed" });
    child.say({ method: "notifications/tools/list_changed" });
    expect((await call.before.next()).text).toBe(
      `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"${META.subscription}":"a"}}}`,
    );
  });

  test("to a resource subscribes at the server once, and the last one to go unsubscribes", async () => {
    const { child, adapter } = await openGreeted();
    const filter = { resourceSubscriptions: ["file:///a"] };
    const [one, two] = ["a", "b"].map((id) => callStateless(adapter, listen(id, filter)));
    await two!.before.next();
    expect(child.rest()).toMatchObject([{ method: "resources/subscribe", params: { uri: "file:///a" } }]);
    one!.leave();
    expect(child.rest()).toEqual([]);
    two!.leave();
    expect(child.rest()).toMatchObject([{ method: "resources/unsubscribe" }]);
  });

  test("ends with an answer when the process is closed", async () => {
    const { adapter } = await openGreeted();
    const call = callStateless(adapter, listen("a", {}));
    await call.before.next();
    await adapter.close();
    expect((await call.answer).result).toMatchObject({ resultType: "complete" });
  });
});

// Clients without sessions on a server without. The real ones are in test/matrix.
import { describe, expect, test } from "bun:test";
import { createModernOnModern } from "../../src/bridge/modern-client-modern-server/modern-client-modern-server.ts";
import { META } from "../../src/mcp/meta.ts";
import { createFakeChild, createPairOptions, writeEnvelope } from "./fake-child.ts";
import { callStateless } from "./pair-clients.ts";

function open() {
  const child = createFakeChild();
  const options = createPairOptions(child);
  return { child, options, adapter: createModernOnModern(options) };
}

const list = (id: number | string) => ({ id, method: "tools/list" });

describe("a call", () => {
  test("reaches the server, and its answer the client, byte for byte but for the id", async () => {
    const { child, adapter } = open();
    const call = callStateless(
      adapter,
      '{"id":"x", "jsonrpc":"2.0","method":"tools/call","params":{"n":1.0,"_meta":{"a/b" : 1}}}',
    );
    const { id, text } = await child.next();
    expect(text).toBe(
      `{"id":${id}, "jsonrpc":"2.0","method":"tools/call","params":{"n":1.0,"_meta":{"a/b" : 1}}}`,
    );
    child.say(`{ "result":{"resultType":"complete","n":1.0} ,"id":${id},"jsonrpc":"2.0"}`);
    expect((await call.answer).text).toBe(
      '{ "result":{"resultType":"complete","n":1.0} ,"id":"x","jsonrpc":"2.0"}',
    );
    expect(call.code()).toBeUndefined();
  });

  test("that fails hands over the error's code beside its bytes", async () => {
    const { child, adapter } = open();
    const call = callStateless(adapter, list(1));
    const { id } = await child.next();
    child.say({ id, error: { code: -32601, message: "?" } });
    await call.answer;
    expect(call.code()).toBe(-32601);
  });

  test("that is asked for input gets the server's input_required as it is", async () => {
    const { child, adapter } = open();
    const call = callStateless(adapter, { id: 1, method: "tools/call" });
    const { id } = await child.next();
    const asks =
      '{"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}},"requestState":"s"}';
    child.say(`{"jsonrpc":"2.0","id":${id},"result":${asks}}`);
    expect((await call.answer).text).toBe(`{"jsonrpc":"2.0","id":1,"result":${asks}}`);
  });

  test("hears of its progress under its own token", async () => {
    const { child, adapter } = open();
    const call = callStateless(adapter, {
      id: 1,
      method: "tools/call",
      params: { _meta: { progressToken: "p" } },
    });
    const { id } = await child.next();
    child.say({ method: "notifications/progress", params: { progressToken: id, progress: 1 } });
    expect((await call.before.next()).params).toEqual({ progressToken: "p", progress: 1 });
  });

  test("is cancelled at the server when its client goes; a late answer is dropped", async () => {
    const { child, adapter } = open();
    const call = callStateless(adapter, list(1));
    const { id } = await child.next();
    call.leave();
    expect(await child.next()).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: id },
    });
    expect(adapter.pending).toBe(0);
    child.say({ id, result: {} });
    call.leave();
    expect(child.rest()).toEqual([]);
  });

  test("of a method that this revision has no longer is refused", async () => {
    const { child, adapter } = open();
    const call = callStateless(adapter, { id: 1, method: "resources/subscribe" });
    expect(await call.answer).toMatchObject({ error: { code: -32601 } });
    expect([call.code(), child.rest()]).toEqual([-32601, []]);
  });

  test("gets an error when the process ends; the next call starts another process, without a handshake", async () => {
    const { child, adapter } = open();
    const lost = callStateless(adapter, list(1));
    await child.next();
    child.exit();
    expect((await lost.answer).error?.message).toContain("exited with status 3");
    const next = callStateless(adapter, list(2));
    await child.answer("tools/list", {});
    expect(await next.answer).toMatchObject({ id: 2, result: {} });
    expect(child.starts).toBe(2);
  });
});

test("a request of the server's is refused: in this revision it asks in its answers", async () => {
  const { child } = open();
  child.say({ id: 9, method: "roots/list" });
  expect(await child.next()).toMatchObject({ id: 9, error: { code: -32601 } });
});

describe("a log line", () => {
  const line = { method: "notifications/message", params: { level: "warning", data: "x" } };

  test("goes to the one call that wants lines of its severity", async () => {
    const { child, adapter } = open();
    const wanting = callStateless(adapter, list(1), writeEnvelope({}, "info"));
    const other = callStateless(adapter, list(1));
    child.say(line);
    expect((await wanting.before.next()).params).toEqual(line.params);
    expect(other.before.rest()).toEqual([]);
    child.say({ ...line, params: { level: "debug" } });
    expect(wanting.before.rest()).toEqual([]);
  });

  test("goes to none where two calls want it", async () => {
    const { child, adapter } = open();
    const calls = [1, 2].map((id) => callStateless(adapter, list(id), writeEnvelope({}, "info")));
    child.say(line);
    expect(calls.map(({ before }) => before.rest())).toEqual([[], []]);
  });
});

describe("a subscription", () => {
  const listen = (id: string) => ({ id, method: "subscriptions/listen", params: { notifications: {} } });
  const changed = (id: number | string | undefined) => ({
    method: "notifications/tools/list_changed",
    params: { _meta: { [META.subscription]: id } },
  });

  test("gets its notifications under the client's id", async () => {
    const { child, adapter } = open();
    const [mine, other] = [callStateless(adapter, listen("a")), callStateless(adapter, listen("b"))];
    const { id } = await child.next();
    child.say(changed(id));
    expect((await mine.before.next()).params).toEqual({ _meta: { [META.subscription]: "a" } });
    expect(other.before.rest()).toEqual([]);
  });

  test("ends with the answer or the cancellation of the server", async () => {
    const { child, adapter } = open();
    const [answered, cancelled] = [callStateless(adapter, listen("a")), callStateless(adapter, listen("b"))];
    const [a, b] = [await child.next(), await child.next()];
    child.say({ id: a.id, result: { resultType: "complete", _meta: { [META.subscription]: a.id } } });
    child.say({ method: "notifications/cancelled", params: { requestId: b.id } });
    const result = (id: string) => ({ resultType: "complete", _meta: { [META.subscription]: id } });
    expect(await answered.answer).toMatchObject({ id: "a", result: result("a") });
    expect(await cancelled.answer).toMatchObject({ id: "b", result: result("b") });
    expect(adapter.pending).toBe(0);
  });
});

test("server/discover names of the server's revisions those that are served", async () => {
  const { child, adapter } = open();
  const call = callStateless(adapter, { id: 1, method: "server/discover" });
  await child.answer("server/discover", {
    supportedVersions: ["2025-11-25", "2026-07-28"],
    capabilities: {},
  });
  expect((await call.answer).result?.["supportedVersions"]).toEqual(["2026-07-28"]);
});

test("the list of tools, which names the repeated headers, is requested in the first client's name", async () => {
  const { child, adapter } = open();
  const headers = adapter.serve("ada").tools.paramHeadersOf("pay");
  const properties = { region: { type: "string", "x-mcp-header": "Region" } };
  const { params } = await child.answer("tools/list", {
    tools: [{ name: "pay", inputSchema: { properties } }],
  });
  expect((params!["_meta"] as Record<string, unknown>)[META.clientInfo]).toEqual({
    name: "fake",
    version: "1",
  });
  expect(await headers).toEqual([{ name: "Region", path: ["region"] }]);
});

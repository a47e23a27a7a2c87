// Streamable HTTP, revisions with sessions: a session's life, and what a POST is answered with.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Program } from "../program.ts";
import {
  expose,
  INITIALIZE,
  isEventStream,
  listen,
  openSession,
  post,
  readAnswer,
  readMessages,
  type Headers,
  type WireSession,
} from "./wire.ts";

let program: Program;
let url: string;
beforeAll(async () => {
  program = await expose("obedient");
  ({ url } = program.ready);
});
afterAll(async () => void (await program.stop()));

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };

describe("the life of a session", () => {
  test("initialize opens one, named by an id of visible ASCII that cannot be guessed", async () => {
    const opened = [await post(url, INITIALIZE), await post(url, INITIALIZE)];
    const ids = opened.map(({ headers }) => headers.get("mcp-session-id"));
    expect(ids[0]).toMatch(/^[0-9a-f]{40}$/);
    expect(ids[0]).not.toBe(ids[1]!);
    expect(await readAnswer(opened[0]!)).toMatchObject({
      id: 0,
      result: { serverInfo: { name: "fixture" } },
    });
  });

  test.each(["empty", "nobody", "__proto__", "constructor", "long"])(
    "an unknown id (%s) gets 404, which makes clients start a new session",
    async (name) => {
      const id = name === "long" ? "x".repeat(4_000) : name === "empty" ? "" : name;
      const headers = { "mcp-session-id": id };
      const answers = [
        await post(url, PING, headers),
        await fetch(url, { headers: { ...headers, accept: "text/event-stream" } }),
        await fetch(url, { method: "DELETE", headers }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
      expect(await readAnswer(answers[0]!)).toMatchObject({ id: null, error: { code: -32001 } });
      // The same id must not spoil anything for those who come next.
      expect((await post(url, INITIALIZE)).status).toBe(200);
    },
  );

  test("without an id a POST is refused, and there is nothing to GET or DELETE", async () => {
    expect((await post(url, PING)).status).toBe(400);
    for (const method of ["GET", "DELETE", "PUT"]) {
      const response = await fetch(url, { method, headers: { accept: "text/event-stream" } });
      expect(response.status).toBe(405);
      expect(response.headers.get("allow")).toContain("POST");
      expect(await readAnswer(response)).toMatchObject({ error: { code: -32000 } });
    }
  });

  test("DELETE ends it: 200, and 404 from then on", async () => {
    const session = await openSession(url);
    expect((await session.end()).status).toBe(200);
    expect((await session.send(PING)).status).toBe(404);
    expect((await session.end()).status).toBe(404);
    expect((await session.listen()).status).toBe(404);
  });

  test("DELETE ends its streams", async () => {
    const session = await openSession(url);
    const stream = listen(await session.listen());
    const call = listen(await session.start("hold", { key: "deleted" }));
    await session.end();
    await stream.ended();
    await call.ended();
  });

  test("messages outside a call wait for the GET stream", async () => {
    const session = await openSession(url);
    await session.call("list_changed");
    await session.call("list_changed");
    const stream = listen(await session.listen());
    expect(await stream.next()).toMatchObject({ method: "notifications/tools/list_changed" });
    expect(await stream.next()).toMatchObject({ method: "notifications/tools/list_changed" });
    await stream.close();
  });

  test("a dropped connection does not cancel the call", async () => {
    const session = await openSession(url);
    const before = await countCancellations(session);
    const call = listen(await session.start("hold", { key: "hung up" }));
    await call.next();
    await call.close();
    expect((await session.call("release", { key: "hung up" })).result).toBeDefined();
    expect(await countCancellations(session)).toBe(before);
  });

  const countCancellations = async (session: WireSession) =>
    JSON.stringify(await session.call("history")).split("notifications/cancelled").length;
});

describe("the form of an answer", () => {
  const answersWith = async (tool: string, headers: Headers) => {
    const session = await openSession(url);
    const body = {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: tool, arguments: { data: "x" } },
    };
    return session.send(body, headers);
  };

  test.each([
    "application/json, text/event-stream",
    "*/*",
    "application/json",
    "text/event-stream",
    "*/*;q=0.1",
  ])("is plain JSON when nothing precedes it, to Accept: %s", async (accept) => {
    const response = await answersWith("echo", { accept });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  });

  test.each(["application/json, text/event-stream", "*/*", "text/event-stream"])(
    "is an event stream when a message precedes it, to Accept: %s",
    async (accept) => {
      const response = await answersWith("log", { accept });
      expect(isEventStream(response)).toBeTrue();
      expect(response.headers.get("x-accel-buffering")).toBe("no");
      expect(response.headers.get("cache-control")).toContain("no-cache");
      expect((await readMessages(response)).map(({ method, id }) => method ?? id)).toEqual([
        "notifications/message",
        1,
      ]);
    },
  );

  test("stays plain for a client that accepts JSON only; earlier messages go to the GET stream", async () => {
    const session = await openSession(url);
    const stream = listen(await session.listen());
    const call = {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "log", arguments: { data: "aside" } },
    };
    const response = await session.send(call, { accept: "application/json" });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await readAnswer(response)).toMatchObject({ id: 1, result: {} });
    expect(await stream.next()).toMatchObject({ params: { data: "aside" } });
    await stream.close();
  });

  test("is 202 without a body when there was nothing to answer", async () => {
    const session = await openSession(url);
    const response = await session.send({ jsonrpc: "2.0", method: "notifications/roots/list_changed" });
    expect([response.status, await response.text()]).toEqual([202, ""]);
    const unasked = await session.send({ jsonrpc: "2.0", id: 4, result: {} });
    expect(unasked.status).toBe(202);
  });

  test("has its headers sent with the first message before the answer, long before the answer", async () => {
    const session = await openSession(url);
    const held = await session.start("hold", { key: "early" });
    const stream = listen(held);
    expect(await stream.next()).toMatchObject({ params: { data: "holding early" } });
    await session.call("release", { key: "early" });
    expect(await stream.next()).toMatchObject({ result: { released: "early" } });
    await stream.ended();
  });
});

describe("batches", () => {
  const call = (id: number, name: string) => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name } });

  test("a batch is answered with an array, in whatever order", async () => {
    const session = await openSession(url);
    const response = await session.send([call(1, "echo"), PING_NOTIFICATION, call(2, "cwd")]);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(new Set((await readMessages(response)).map(({ id }) => id))).toEqual(new Set([1, 2]));
  });

  test("all answers of a batch share one stream when a message precedes one of them", async () => {
    const session = await openSession(url);
    const messages = await readMessages(await session.send([call(1, "echo"), call(2, "log")]));
    expect(messages.filter(({ result }) => result).map(({ id }) => id)).toEqual([1, 2]);
  });

  test("a batch of notifications is accepted, an empty one is refused", async () => {
    const session = await openSession(url);
    expect((await session.send([PING_NOTIFICATION, PING_NOTIFICATION])).status).toBe(202);
    const empty = await session.send([]);
    expect([empty.status, (await readAnswer(empty)).error?.code]).toEqual([400, -32600]);
  });

  test("initialize cannot be part of one", async () => {
    const response = await post(url, [INITIALIZE, PING]);
    expect([response.status, (await readAnswer(response)).error?.code]).toEqual([400, -32600]);
    expect(response.headers.has("mcp-session-id")).toBeFalse();
  });

  const PING_NOTIFICATION = { jsonrpc: "2.0", method: "notifications/something" };
});

describe("versions", () => {
  test.each(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])(
    "a session takes MCP-Protocol-Version: %s, whatever was agreed on",
    async (version) => {
      const session = await openSession(url);
      const response = await session.send(PING, { "mcp-protocol-version": version });
      expect(response.status).toBe(200);
    },
  );

  test("a request of a session needs no version header; an unknown version is refused", async () => {
    const { id } = await openSession(url);
    expect((await post(url, PING, { "mcp-session-id": id })).status).toBe(200);
    const unknown = await post(url, PING, { "mcp-session-id": id, "mcp-protocol-version": "1999-01-01" });
    expect(unknown.status).toBe(400);
    expect((await readAnswer(unknown)).error?.message).toContain('"1999-01-01"');
  });

  test("the version a client asks for at initialize reaches the server as it is", async () => {
    const params = { ...INITIALIZE.params, protocolVersion: "2019-12-31" };
    const answer = await readAnswer(await post(url, { ...INITIALIZE, params }));
    expect(answer.result?.["protocolVersion"]).toBe("2019-12-31");
  });

  test("a request with an unsupported version gets the list of supported ones", async () => {
    const version = "2099-01-01";
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": version,
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const body = { jsonrpc: "2.0", id: "a", method: "server/discover", params: { _meta } };
    const headers = { "mcp-protocol-version": version, "mcp-method": "server/discover" };
    for (const session of [{}, { "mcp-session-id": (await openSession(url)).id }]) {
      const response = await post(url, body, { ...headers, ...session });
      expect(response.status).toBe(400);
      const { id, error } = await readAnswer(response);
      expect([id, error?.code]).toEqual(["a", -32022]);
      expect(error?.data).toMatchObject({ requested: version, supported: expect.any(Array) });
    }
  });
});

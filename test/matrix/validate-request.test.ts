// The checks of a request of 2026-07-28 before it is handled, their order, and the status with which it
// is refused. https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Program } from "../program.ts";
import { expose, post, readAnswer, type Headers } from "../eras/wire.ts";
import { connectRaw } from "../faults/socket.ts";
import { ALL, createStatelessClient, META, REVISION, type StatelessClient } from "./stateless-wire.ts";

let program: Program;
let url: string;
let client: StatelessClient;
beforeAll(async () => {
  program = await expose("versatile");
  ({ url } = program.ready);
  client = createStatelessClient(url);
});
afterAll(async () => void (await program.stop()));

interface Sent {
  headers: Headers;
  params: Record<string, unknown>;
  meta: Record<string, unknown> | undefined;
}

/** Each breaks one thing; in the order in which they are checked. */
const RUNGS: { what: string; break: (sent: Sent) => void; code: number; says: RegExp }[] = [
  {
    what: "there is an envelope",
    break(sent) {
      sent.meta = undefined;
      sent.headers["mcp-protocol-version"] = REVISION;
    },
    code: -32602,
    says: /_meta/,
  },
  {
    what: "the envelope says a version",
    break: ({ meta }) => (meta![META.version] = 20260728),
    code: -32602,
    says: /protocolVersion/,
  },
  {
    what: "the version header says the same",
    break: ({ headers }) => (headers["mcp-protocol-version"] = "2025-11-25"),
    code: -32020,
    says: /MCP-Protocol-Version is "2025-11-25"/,
  },
  {
    what: "the envelope says what the client can do",
    break: ({ meta }) => (meta![META.capabilities] = "everything"),
    code: -32602,
    says: /clientCapabilities/,
  },
  {
    what: "the version is one that is served",
    break({ meta, headers }) {
      meta![META.version] = "2027-01-01";
      if (headers["mcp-protocol-version"] !== undefined) headers["mcp-protocol-version"] = "2027-01-01";
    },
    code: -32022,
    says: /version/,
  },
  {
    what: "there is a version header",
    break: ({ headers }) => delete headers["mcp-protocol-version"],
    code: -32020,
    says: /MCP-Protocol-Version is missing/,
  },
  {
    what: "Mcp-Method says the method",
    break: ({ headers }) => (headers["mcp-method"] = "tools/list"),
    code: -32020,
    says: /Mcp-Method/,
  },
  {
    what: "Mcp-Name says the tool",
    break: ({ headers }) => (headers["mcp-name"] = "release"),
    code: -32020,
    says: /Mcp-Name/,
  },
  {
    what: "Mcp-Param-* say the arguments",
    break: ({ headers }) => (headers["mcp-param-region"] = "us"),
    code: -32020,
    says: /Mcp-Param-Region/,
  },
];

function send(breaking: readonly (typeof RUNGS)[number][]): Promise<Response> {
  const sent: Sent = {
    headers: {
      "mcp-protocol-version": REVISION,
      "mcp-method": "tools/call",
      "mcp-name": "deploy",
      "mcp-param-region": "eu",
    },
    params: { name: "deploy", arguments: { region: "eu" } },
    meta: { [META.version]: REVISION, [META.capabilities]: ALL },
  };
  for (const rung of breaking.toReversed()) rung.break(sent);
  const params = { ...sent.params, ...(sent.meta && { _meta: sent.meta }) };
  return post(url, { jsonrpc: "2.0", id: "mine", method: "tools/call", params }, sent.headers);
}

describe("a request is refused", () => {
  for (const [at, { what, code, says }] of RUNGS.entries())
    test(`with 400 and ${code} unless ${what}, whatever else is wrong`, async () => {
      for (const breaking of [RUNGS.slice(at, at + 1), RUNGS.slice(at)]) {
        const response = await send(breaking);
        expect(response.status).toBe(400);
        const { id, error } = await readAnswer(response);
        expect([id, error?.code]).toEqual(["mine", code]);
        expect(error?.message).toMatch(says);
      }
    });

  test("and accepted when it is valid", async () => {
    const response = await send([]);
    expect(response.status).toBe(200);
    expect(await readAnswer(response)).toMatchObject({ id: "mine", result: { deployed: { region: "eu" } } });
  });

  test("with the list of served versions, when its version is unsupported", async () => {
    const meta = { [META.version]: "2027-01-01" };
    const headers = { "mcp-protocol-version": "2027-01-01" };
    const answer = await readAnswer(await client.request("tools/list", {}, { meta, headers }));
    expect(answer.error).toMatchObject({
      code: -32022,
      data: { supported: [REVISION], requested: "2027-01-01" },
    });
  });
});

test.each([
  ["tools/call", { name: "release" }],
  ["prompts/get", { name: "greet" }],
  ["resources/read", { uri: "file:///a" }],
  ["tasks/get", { taskId: "1" }],
  ["tasks/update", { taskId: "1" }],
  ["tasks/cancel", { taskId: "1" }],
])("%s wants Mcp-Name, and gets it in Base64 too", async (method, params) => {
  const [value] = Object.values(params);
  const codeWith = async (headers: Headers) =>
    (await readAnswer(await client.request(method, params, { headers }))).error?.code;
  expect(await codeWith({ "mcp-name": "" })).toBe(-32020);
  expect(await codeWith({ "mcp-name": `=?base64?${btoa(value!)}?=` })).not.toBe(-32020);
  expect(await codeWith({ "mcp-name": ` ${value} ` })).not.toBe(-32020);
});

test("header names may be in any case, header values may not", async () => {
  const params = { _meta: { [META.version]: REVISION, [META.capabilities]: {} } };
  const send = (method: string) =>
    post(
      url,
      { jsonrpc: "2.0", id: 1, method: "tools/list", params },
      { "MCP-PROTOCOL-VERSION": REVISION, "mCP-mETHOD": method },
    );
  expect((await send("tools/list")).status).toBe(200);
  expect((await send("Tools/List")).status).toBe(400);
});

describe("found 1: neither of two equal headers counts, since a proxy may have read the other one:", () => {
  const own = [`MCP-Protocol-Version: ${REVISION}`, "Mcp-Method: tools/call", "Mcp-Name: history"];
  const _meta = { [META.version]: REVISION, [META.capabilities]: ALL };
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "history", _meta },
  });
  const fixed = ["Host: 127.0.0.1", "Content-Type: application/json", "Connection: close"];
  const send = async (...more: string[]) => {
    const socket = await connectRaw(url);
    const headers = [...fixed, `Content-Length: ${body.length}`, ...more].join("\r\n");
    await socket.write(`POST /mcp HTTP/1.1\r\n${headers}\r\n\r\n${body}`);
    return socket.ended();
  };

  test.each([...own, "MCP-Protocol-Version: 2025-11-25", "Mcp-Method: tools/list", "Mcp-Name: other"])(
    "%s",
    async (twin) => {
      expect(await send(...own)).toStartWith("HTTP/1.1 200 ");
      expect(await send(twin, ...own)).toStartWith("HTTP/1.1 400 ");
      expect(await send(...own, twin)).toStartWith("HTTP/1.1 400 ");
    },
  );
});

test("Accept may have any value or be absent", async () => {
  for (const accept of ["*/*", "application/json", "text/event-stream", ""]) {
    const response = await client.request("tools/list", {}, { headers: { accept } });
    expect([accept, response.status]).toEqual([accept, 200]);
    expect((await readAnswer(response)).result).toBeDefined();
  }
});

describe("HTTP statuses", () => {
  test.each([
    "initialize",
    "ping",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
    "tasks/list",
    "tasks/result",
  ])("404 and −32601 for %s, which this revision has no more; the server never sees it", async (method) => {
    const response = await client.request(method, { level: "info", uri: "file:///a" }, { id: "gone" });
    expect(response.status).toBe(404);
    expect(await readAnswer(response)).toMatchObject({ id: "gone", error: { code: -32601 } });
    const seen = (await client.history()).filter((line) => line.method === method);
    // The bridge has greeted the server once in its clients' stead.
    expect(seen).toHaveLength(method === "initialize" ? 1 : 0);
  });

  test("404 and −32601 for a method that the server does not know", async () => {
    const response = await client.request("vendor/do", { x: 1 });
    expect(response.status).toBe(404);
    expect((await readAnswer(response)).error).toEqual({
      code: -32601,
      message: "Method not found: vendor/do",
    });
  });

  test("405 for GET and DELETE", async () => {
    for (const method of ["GET", "DELETE"]) {
      const response = await fetch(url, { method, headers: { "mcp-protocol-version": REVISION } });
      expect([response.status, response.headers.get("allow")]).toEqual([
        405,
        expect.stringContaining("POST"),
      ]);
    }
  });

  test("200 for errors that the server itself returns", async () => {
    const response = await client.request("resources/read", { uri: "file:///nowhere" });
    expect(response.status).toBe(200);
    // 2026-07-28 has no −32002.
    expect((await readAnswer(response)).error).toMatchObject({
      code: -32602,
      data: { uri: "file:///nowhere" },
    });
  });

  test("202 for a notification, 400 for an answer, which clients of this revision do not send", async () => {
    const _meta = { [META.version]: REVISION, [META.capabilities]: {} };
    const headers = { "mcp-protocol-version": REVISION };
    const notification = {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 1, _meta },
    };
    expect((await post(url, notification, { ...headers, "mcp-method": notification.method })).status).toBe(
      202,
    );
    expect((await post(url, { jsonrpc: "2.0", id: 1, result: {} }, headers)).status).toBe(400);
  });

  test("400 and −32600 for a batch", async () => {
    const params = { _meta: { [META.version]: REVISION, [META.capabilities]: {} } };
    const batch = [1, 2].map((id) => ({ jsonrpc: "2.0", id, method: "tools/list", params }));
    const response = await post(url, batch, { "mcp-protocol-version": REVISION });
    expect(response.status).toBe(400);
    expect((await readAnswer(response)).error?.code).toBe(-32600);
  });
});

test("a session header is ignored on a request with an envelope", async () => {
  const response = await client.request("tools/list", {}, { headers: { "mcp-session-id": "nobody" } });
  expect(response.status).toBe(200);
});

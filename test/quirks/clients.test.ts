// What clients in the field do that no specification tells them to, each as it was reported or measured.
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  expose,
  INITIALIZE,
  isEventStream,
  listen,
  openSession,
  post,
  readAnswer,
  readEvents,
  readMessages,
  within,
  type Headers,
} from "../eras/wire.ts";
import type { Program } from "../program.ts";
import { createStatelessClient, META } from "../matrix/stateless-wire.ts";

let program: Program;
let url: string;

const ACCEPT_NOTHING: Headers = { accept: "" };
const call = (name: string, id: number | string = 1) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: {} },
});

beforeAll(async () => {
  program = await expose("obedient");
  ({ url } = program.ready);
});
afterAll(async () => void (await program.stop()));

const initialize = (protocolVersion: string) => ({
  ...INITIALIZE,
  params: { ...INITIALIZE.params, protocolVersion },
});

// SparkyFitness issues 2155 and 2162, August 2026
test("Claude agrees on 2025-11-25, and then sends MCP-Protocol-Version: 2026-07-28 without an envelope", async () => {
  const opened = await post(url, initialize("2025-11-25"));
  const session = opened.headers.get("mcp-session-id")!;
  expect((await readAnswer(opened)).result?.["protocolVersion"]).toBe("2025-11-25");
  const headers = { "mcp-session-id": session, "mcp-protocol-version": "2026-07-28", accept: "*/*" };
  const initialized = { jsonrpc: "2.0", method: "notifications/initialized" };
  expect((await post(url, initialized, headers)).status).toBe(202);
  const answer = await post(url, call("cwd"), headers);
  expect(answer.status).toBe(200);
  expect((await readAnswer(answer)).result).toHaveProperty("cwd");
  const stream = await fetch(url, { headers: { ...headers, accept: "text/event-stream" } });
  expect(stream.status).toBe(200);
  await stream.body?.cancel();
  expect((await fetch(url, { method: "DELETE", headers })).status).toBe(200);
});

test("Claude says 2026-07-28 in the header of initialize, too", async () => {
  const opened = await post(url, initialize("2025-11-25"), { "mcp-protocol-version": "2026-07-28" });
  expect(opened.headers.get("mcp-session-id")).not.toBeNull();
  await opened.text();
});

test("Claude opens with server/discover at a server that knows no such thing", async () => {
  const response = await createStatelessClient(url, {}).request(
    "server/discover",
    {},
    { headers: { accept: "*/*" } },
  );
  expect(response.status).toBe(200);
  expect((await readAnswer(response)).result).toMatchObject({ supportedVersions: ["2026-07-28"] });
});

// https://github.com/anthropics/claude-ai-mcp/issues/792
test("Claude connects four times in minutes, each time as somebody else", async () => {
  for (const name of ["claude-ai", "Anthropic", "claude-code", "Anthropic/Toolbox"]) {
    const clientInfo = { name, version: "1.0.0" };
    const opened = await post(url, { ...INITIALIZE, params: { ...INITIALIZE.params, clientInfo } });
    expect(opened.status).toBe(200);
    await opened.text();
  }
});

test("Claude waits for the first byte of a GET stream, and gives up without one", async () => {
  const session = await openSession(url);
  const events = readEvents(await session.listen());
  expect((await within(events.next(), "the first byte", 1_000)).value).toEqual({
    event: ":",
    data: "open",
  });
  await events.return(undefined);
});

// https://github.com/anthropics/claude-ai-mcp/issues/76, https://github.com/modelcontextprotocol/rust-sdk/issues/315
test.each([
  ["Claude and ChatGPT accept */*", { accept: "*/*" }],
  ["some accept application/json alone", { accept: "application/json" }],
  ["some say nothing of what they accept", ACCEPT_NOTHING],
])("%s", async (_what, headers) => {
  const session = await openSession(url, headers);
  expect((await session.call("cwd")).result).toHaveProperty("cwd");
  const stream = await fetch(url, { headers: { ...headers, "mcp-session-id": session.id } });
  expect([stream.status, isEventStream(stream)]).toEqual([200, true]);
  await stream.body?.cancel();
  const stateless = await createStatelessClient(url, {}).start("cwd", {}, { headers });
  expect((await readAnswer(stateless)).result).toHaveProperty("cwd");
});

test("many send no Accept header at all", async () => {
  // fetch adds one, so this goes without it.
  const { hostname, port, pathname } = new URL(url);
  const body = JSON.stringify(INITIALIZE);
  const head = `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
  expect(await sendRaw(Number(port), head + body)).toMatch(
    /^HTTP\/1\.1 200 [\s\S]*mcp-session-id: [\s\S]*"serverInfo"/i,
  );
});

// https://github.com/anthropics/claude-ai-mcp/issues/70; VS Code sends none either
test("Claude and VS Code leave MCP-Protocol-Version away: the session says it", async () => {
  const { id } = await openSession(url);
  expect((await readAnswer(await post(url, call("cwd"), { "mcp-session-id": id }))).result).toHaveProperty(
    "cwd",
  );
});

test("goose is pinned to 2025-03-26 and gets it, with batches", async () => {
  const opened = await post(url, initialize("2025-03-26"));
  const headers = {
    "mcp-session-id": opened.headers.get("mcp-session-id")!,
    "mcp-protocol-version": "2025-03-26",
  };
  expect((await readAnswer(opened)).result?.["protocolVersion"]).toBe("2025-03-26");
  const answers = await readMessages(await post(url, [call("cwd", 1), call("pid", 2)], headers));
  expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([1, 2]));
});

test("clients on rmcp say 2024-11-05 in the header before anything is agreed on", async () => {
  const opened = await post(url, initialize("2025-06-18"), { "mcp-protocol-version": "2024-11-05" });
  expect((await readAnswer(opened)).result?.["protocolVersion"]).toBe("2025-06-18");
});

// https://github.com/modelcontextprotocol/go-sdk/issues/1117
test("go-sdk cannot connect without subscriptions/listen, whatever there is to hear", async () => {
  const client = createStatelessClient(url, {});
  for (const notifications of [{}, { promptsListChanged: true }, { resourceSubscriptions: [] }]) {
    const stream = listen(
      await client.request("subscriptions/listen", { notifications }, { id: "listen-1" }),
    );
    expect(await stream.next()).toMatchObject({
      method: "notifications/subscriptions/acknowledged",
      params: { _meta: { [META.subscription]: "listen-1" } },
    });
    await stream.close();
  }
});

test("go-sdk takes every 4xx for the end: what a server finds wrong in a call is no 4xx", async () => {
  const client = createStatelessClient(url, {});
  const reply = '{"jsonrpc":"2.0","id":$ID,"error":{"code":-32602,"message":"No such city"}}';
  const response = await client.start("raw", { reply });
  expect([response.status, (await readAnswer(response)).error?.code]).toEqual([200, -32602]);
});

test("mcp-remote tries streamable HTTP on a URL of HTTP+SSE first, and goes on at 405", async () => {
  const response = await post(program.ready.sse, INITIALIZE);
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET"]);
});

test("ChatGPT speaks whichever revision: all are served at one URL", async () => {
  for (const version of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
    const headers = { "user-agent": "openai-mcp/1.0.0", accept: "*/*" };
    const { result } = await readAnswer(await post(url, initialize(version), headers));
    expect(result?.["protocolVersion"]).toBe(version);
  }
  expect((await createStatelessClient(url, {}).call("cwd")).result).toHaveProperty("cwd");
});

test("Python clients say which charset their JSON is in, as if there were others", async () => {
  const headers = { "content-type": "application/json; charset=utf-8" };
  expect((await post(url, INITIALIZE, headers)).status).toBe(200);
});

/** One request over a socket, byte for byte. */
async function sendRaw(port: number, request: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write(request),
      data: (_socket, chunk) => void (text += Buffer.from(chunk).toString()),
      close: () => resolve(text),
    },
  });
  return within(promise, "the answer");
}

// HTTP+SSE, revision 2024-11-05, as its last clients speak it.
// https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, registerClient, TOKEN } from "../oauth/harness.ts";
import { startProgram, type Program } from "../program.ts";
import {
  expose,
  fixture,
  INITIALIZE,
  type Headers,
  isEventStream,
  listen,
  openSession,
  openSseSession,
  post,
  readAnswer,
  until,
} from "./wire.ts";

let program: Program;
let sse: string;
beforeAll(async () => {
  program = await expose("obedient");
  ({ sse } = program.ready);
});
afterAll(async () => void (await program.stop()));

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };

test("the stream begins with the endpoint, on this host, that takes this session's messages", async () => {
  const response = await fetch(sse);
  expect(isEventStream(response)).toBeTrue();
  expect(response.headers.get("x-accel-buffering")).toBe("no");
  const stream = listen(response);
  const { event, data } = await stream.nextEvent();
  expect(event).toBe("endpoint");
  expect(data).toMatch(/^\/messages\?sessionId=[0-9a-f]{40}$/);
  await stream.close();
});

test("a message is accepted with 202 and answered on the stream", async () => {
  const session = await openSseSession(sse);
  const response = await session.send({ ...PING, id: "p" });
  expect(response.status).toBe(202);
  expect(await session.next()).toEqual({ jsonrpc: "2.0", id: "p", result: {} } as object);
  await session.close();
});

test("all messages of the server come on the one stream, in order", async () => {
  const session = await openSseSession(sse);
  const params = { name: "progress", arguments: { count: 2 }, _meta: { progressToken: "t" } };
  await session.send({ ...PING, id: 1, method: "tools/call", params });
  await session.send({ ...PING, id: 2, method: "tools/call", params: { name: "list_changed" } });
  const messages = [1, 2, 3, 4, 5].map(() => session.next());
  const seen = (await Promise.all(messages)).map(({ method, id }) => method ?? id);
  expect(seen).toEqual([
    "notifications/progress",
    "notifications/progress",
    1,
    "notifications/tools/list_changed",
    2,
  ]);
  await session.close();
});

test("a batch is accepted", async () => {
  const session = await openSseSession(sse);
  await session.send([PING, { ...PING, id: 2 }]);
  expect([(await session.next()).id, (await session.next()).id]).toEqual([1, 2]);
  await session.close();
});

test("an invalid message is refused where it was sent", async () => {
  const session = await openSseSession(sse);
  const response = await session.send("{");
  expect([response.status, (await readAnswer(response)).error?.code]).toEqual([400, -32700]);
  await session.close();
});

test("found 1: a message that claims a revision without sessions is refused, since a server may believe it", async () => {
  const session = await openSseSession(sse);
  for (const key of ["protocolVersion", "clientCapabilities", "clientInfo", "logLevel"]) {
    const params = { _meta: { [`io.modelcontextprotocol/${key}`]: "2026-07-28" } };
    const response = await session.send({ ...PING, params });
    expect([response.status, (await readAnswer(response)).error?.code]).toEqual([400, -32600]);
  }
  await session.close();
});

test("when the stream ends, the session does", async () => {
  const session = await openSseSession(sse);
  const endpoint = new URL(session.endpoint, sse).href;
  await session.close();
  await until("the session to end", async () => (await post(endpoint, PING)).status === 404);
});

test("an unknown session gets 404, a missing one 400, the wrong method 405", async () => {
  const messages = new URL("/messages", sse).href;
  for (const id of ["", "nobody", "__proto__"])
    expect((await post(`${messages}?sessionId=${id}`, PING)).status).toBe(404);
  expect((await post(messages, PING)).status).toBe(400);
  expect((await fetch(messages)).status).toBe(405);
  expect((await post(sse, PING)).status).toBe(405);
});

test("a session of one transport is unknown to the other", async () => {
  const session = await openSseSession(sse);
  const id = new URL(session.endpoint, sse).searchParams.get("sessionId")!;
  expect((await post(program.ready.url, PING, { "mcp-session-id": id })).status).toBe(404);
  const { id: streamable } = await openSession(program.ready.url);
  const messages = new URL(`/messages?sessionId=${streamable}`, sse).href;
  expect((await post(messages, PING)).status).toBe(404);
  await session.close();
});

describe("streams of strangers without a message yet", () => {
  const WORDS = ["--tunnel", "none", "--auth", "optional", "--token", TOKEN];
  /** Hangs up when the test is over, or before. */
  const open = async (url: string, headers: Headers = {}) => {
    const gone = new AbortController();
    const response = await fetch(url, {
      headers: { accept: "text/event-stream", ...headers },
      signal: gone.signal,
    });
    return { response, close: () => gone.abort() };
  };

  test("are a hundred at most; then there is a 503 with Retry-After, but not for signed-in people", async () => {
    await using program = await startProgram([...WORDS, fixture("obedient")]);
    const { sse, issuer } = program.ready;
    const streams = await Promise.all(Array.from({ length: 100 }, () => open(sse)));
    expect(streams.every(({ response }) => isEventStream(response))).toBeTrue();
    const refused = await fetch(sse);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect((await readAnswer(refused)).error?.message).toContain("initialize");

    const { access_token } = await connect(issuer ?? "", await registerClient(issuer ?? ""));
    streams.push(await open(sse, { authorization: `Bearer ${access_token}` }));
    expect(streams.at(-1)!.response.status).toBe(200);

    // A stream that gets its first message makes room, and so does one that ends.
    const stream = listen(streams[0]!.response);
    const { data } = await stream.nextEvent();
    expect((await post(new URL(data, sse).href, INITIALIZE)).status).toBe(202);
    expect((await stream.next()).result).toBeDefined();
    streams.push(await open(sse));
    expect(streams.at(-1)!.response.status).toBe(200);
    expect((await fetch(sse)).status).toBe(503);
    streams[1]!.close();
    await until("there is room again", async () => {
      streams.push(await open(sse));
      return streams.at(-1)!.response.status === 200;
    });
    for (const { close } of streams) close();
  });
});

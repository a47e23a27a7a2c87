// Clients that break off, dawdle, shout or do not speak HTTP. None of them may cost others anything.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expose, INITIALIZE, openSession, post, until } from "../eras/wire.ts";
import type { Program } from "../program.ts";
import { countDescriptors, HAS_PROC, readMemory } from "./machine.ts";
import { composePost, connectRaw, type RawSocket } from "./socket.ts";

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };

let program: Program;
let url: string;
let head: string;
beforeAll(async () => {
  program = await expose("obedient");
  ({ url } = program.ready);
  head = `Host: ${new URL(url).host}\r\n`;
});
afterAll(async () => void (await program.stop()));

/** Sends bytes and returns the status line; empty when the connection was ended without one. */
async function statusOf(bytes: string | Uint8Array): Promise<string> {
  const socket = await connectRaw(url);
  await socket.write(bytes);
  const [status = ""] = (await socket.head()).split("\r\n");
  socket.close();
  return status.replace("HTTP/1.1 ", "").slice(0, 3);
}

/** The kernel may hold a connection back from the program until there is something to read on it. */
async function openConnection(to: string): Promise<RawSocket> {
  const socket = await connectRaw(to);
  await socket.write("G");
  return socket;
}

const isServed = async () => (await (await openSession(url)).call("cwd")).result !== undefined;

describe("a request that is not HTTP", () => {
  const bytes = (text: string) => Buffer.from(text, "latin1");
  test.each([
    ["a TLS greeting", () => bytes("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"), "400"],
    ["no Host", () => "GET /healthz HTTP/1.1\r\n\r\n", "400"],
    [
      "two Hosts, one of them foreign",
      () => `GET /healthz HTTP/1.1\r\n${head}Host: evil.example\r\n\r\n`,
      "403",
    ],
    ["headers of 20 KB", () => `GET /healthz HTTP/1.1\r\n${head}X: ${"x".repeat(20_000)}\r\n\r\n`, "431"],
    ["300 headers", () => `GET /healthz HTTP/1.1\r\n${head}${"X: y\r\n".repeat(300)}\r\n`, "431"],
    ["a NUL in a header", () => `GET /healthz HTTP/1.1\r\n${head}X: a\0b\r\n\r\n`, "400"],
    [
      "two lengths",
      () => `POST /mcp HTTP/1.1\r\n${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
      "400",
    ],
    ["a negative length", () => `POST /mcp HTTP/1.1\r\n${head}Content-Length: -5\r\n\r\n`, "400"],
    [
      "a length and chunks (request smuggling)",
      () => `POST /mcp HTTP/1.1\r\n${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      "400",
    ],
    [
      "a chunk of no length",
      () =>
        `POST /mcp HTTP/1.1\r\n${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n`,
      "400",
    ],
    ["bytes that are not UTF-8 in the path", () => bytes(`GET /\xff\xfe HTTP/1.1\r\n${head}\r\n`), "404"],
    [
      "bytes that are not UTF-8 for a session",
      () => bytes(`DELETE /mcp HTTP/1.1\r\n${head}Mcp-Session-Id: \xff\xfe\r\n\r\n`),
      "404",
    ],
    ["an unknown method", () => `BREW /mcp HTTP/1.1\r\n${head}\r\n`, ""],
    [
      "a foreign host in the request line",
      () => `GET http://evil.example/mcp HTTP/1.1\r\nHost: evil.example\r\n\r\n`,
      "403",
    ],
    [
      "an upgrade",
      () => `GET /mcp HTTP/1.1\r\n${head}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
      "405",
    ],
  ])("%s is refused by its status, and the next is served", async (_what, compose, status) => {
    expect(await statusOf(compose())).toBe(status);
    expect((await fetch(new URL("/healthz", url))).status).toBe(200);
  });
});

describe("a client that breaks off", () => {
  test("in its headers or its body is dropped, and not logged as a fault of ours", async () => {
    const whole = composePost(url, INITIALIZE);
    for (const length of [10, 60, whole.length - 100, whole.length - 1]) {
      const socket = await connectRaw(url);
      await socket.write(whole.slice(0, length));
      socket.close();
    }
    expect(await isServed()).toBeTrue();
    expect(program.stderr()).not.toContain("failed:");
  });

  test("before its answer is there loses no session: the next request succeeds", async () => {
    const session = await openSession(url);
    const socket = await connectRaw(url);
    const call = {
      jsonrpc: "2.0",
      id: "gone",
      method: "tools/call",
      params: { name: "sleep", arguments: { ms: 50 } },
    };
    await socket.write(composePost(url, call, { "mcp-session-id": session.id }));
    socket.close();
    expect((await session.call("sleep", { ms: 60 })).result).toEqual({ slept: 60 });
  });
});

test("a request split at any byte is the same request", async () => {
  const { id } = await openSession(url);
  const whole = composePost(url, PING, { "mcp-session-id": id });
  for (let at = 1; at < whole.length; at++) {
    const socket = await connectRaw(url);
    await socket.write(whole.slice(0, at));
    await socket.write(whole.slice(at));
    expect([at, await socket.head()]).toEqual([at, expect.stringMatching(/^HTTP\/1\.1 200/)]);
    socket.close();
  }
});

test("a request that comes byte by byte is the same request", async () => {
  const socket = await connectRaw(url);
  for (const byte of Buffer.from(composePost(url, INITIALIZE))) await socket.write(Uint8Array.of(byte));
  expect(await socket.head()).toStartWith("HTTP/1.1 200");
  socket.close();
});

test("a client that dawdles in headers or body is disconnected, while others are served", async () => {
  const dawdlers: RawSocket[] = [];
  for (let count = 0; count < 50; count++) {
    const [headers, body] = [await connectRaw(url), await connectRaw(url)];
    await headers.write(`POST /mcp HTTP/1.1\r\n${head}X: `);
    await body.write(composePost(url, PING).slice(0, -5));
    dawdlers.push(headers, body);
  }
  expect(await isServed()).toBeTrue();
  const deadline = Date.now() + 50_000;
  while (dawdlers.some((socket) => socket.isOpen()) && Date.now() < deadline) await Bun.sleep(200);
  expect(dawdlers.filter((socket) => socket.isOpen())).toEqual([]);
  expect(await isServed()).toBeTrue();
}, 60_000);

test.skipIf(!HAS_PROC)(
  "ten thousand connections at a time are held, and are let go when they end",
  async () => {
    const { stdout } = Bun.spawnSync(["sh", "-c", "ulimit -Hn"]);
    // Where a process may not have so many, as many as it may.
    const most = Math.min(10_000, (Number(stdout.toString()) || Infinity) - 1_000);
    const before = countDescriptors(program.pid);
    const sockets: RawSocket[] = [];
    while (sockets.length < most)
      sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => openConnection(url)))));
    await until("all are accepted", () => countDescriptors(program.pid) >= before + sockets.length);
    expect(await isServed()).toBeTrue();
    for (const socket of sockets) socket.close();
    await until("all are let go", () => countDescriptors(program.pid) <= before + 20);
    if (most === 10_000) expect(readMemory(program.pid)).toBeLessThan(200 * 1024 * 1024);
  },
);

test.skipIf(!HAS_PROC)(
  "out of file descriptors new clients are not let in; connected ones are served, and later all are",
  async () => {
    await using tight = await expose("obedient");
    const { url } = tight.ready;
    const session = await openSession(url);
    const early = await connectRaw(url);
    const ping = composePost(url, PING, { "mcp-session-id": session.id });
    await early.write(ping);
    await early.head();
    const once = early.received();
    const limit = countDescriptors(tight.pid) + 20;
    const { exitCode } = Bun.spawnSync(["prlimit", "--pid", String(tight.pid), `--nofile=${limit}:${limit}`]);
    expect(exitCode).toBe(0);
    const sockets = await Promise.all(Array.from({ length: 60 }, () => openConnection(url)));
    await until("they are used up", () => countDescriptors(tight.pid) >= limit - 1);
    await early.write(ping);
    await until("it is answered once more", () => early.received() === 2 * once);
    for (const socket of sockets) socket.close();
    await until("some are free again", () => countDescriptors(tight.pid) < limit - 5);
    expect((await session.call("cwd")).result).toBeDefined();
    expect((await post(url, PING)).status).toBe(400);
  },
);

// The bodies that a POST may carry, and how others are refused.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import type { Program } from "../program.ts";
import { expose, openSession, post, readAnswer, type WireSession } from "./wire.ts";

const LIMIT = 1024 * 1024;
let program: Program;
let session: WireSession;
beforeAll(async () => {
  program = await expose("obedient", ["--max-body", String(LIMIT)]);
  session = await openSession(program.ready.url);
});
afterAll(async () => void (await program.stop()));

describe("a body that is not a message", () => {
  test.each([
    ["", -32700],
    ["{", -32700],
    ['{"jsonrpc":"2.0","id":1,"method":"ping"', -32700],
    ['{"jsonrpc":"2.0","id":1,"method":"ping"}}', -32700],
    ['{"jsonrpc":"2.0","id":1,"method":"pi\u0001ng"}', -32700],
    ['{"jsonrpc":"2.0","id":01,"method":"ping"}', -32700],
    ['{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32600],
    ["[".repeat(100_000), -32700],
    ["<html>", -32700],
    ['"ping"', -32700],
    ["{}", -32600],
    ['{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
    ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
    ['{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600],
    ['{"jsonrpc":"2.0","id":1}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":7}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":"text"}', -32600],
    ['{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', -32600],
    ['[{"jsonrpc":"2.0","id":1,"method":"ping"},7]', -32600],
  ])("%j gets 400 and %d", async (body, code) => {
    const response = await session.send(body);
    expect([response.status, response.headers.get("content-type")]).toEqual([400, "application/json"]);
    expect(await readAnswer(response)).toMatchObject({ id: null, error: { code } });
  });

  test("bytes that are not UTF-8 are not JSON", async () => {
    const body = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"p\xffng"}', "latin1");
    const response = await fetch(program.ready.url, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", "mcp-session-id": session.id },
    });
    expect((await readAnswer(response)).error?.code).toBe(-32700);
  });
});

describe("its type", () => {
  test.each([
    "application/json",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "application/vnd.x+json",
  ])("%s is taken", async (type) => {
    const response = await session.send({ jsonrpc: "2.0", id: 1, method: "ping" }, { "content-type": type });
    expect(response.status).toBe(200);
  });

  // A page in a browser can send these anywhere without being asked first.
  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/json",
  ])("%s gets 415", async (type) => {
    const response = await session.send({ jsonrpc: "2.0", id: 1, method: "ping" }, { "content-type": type });
    expect(response.status).toBe(415);
    expect((await readAnswer(response)).error?.message).toContain("application/json");
  });
});

describe("its size", () => {
  const ping = (bytes: number) => {
    const frame = '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":""}}';
    return frame.replace('""', `"${"x".repeat(bytes - frame.length)}"`);
  };

  test("a body of exactly the limit passes; one more byte gets 413 and says what to do", async () => {
    expect((await session.send(ping(LIMIT))).status).toBe(200);
    const response = await session.send(ping(LIMIT + 1));
    expect([response.status, response.headers.get("content-type")]).toEqual([413, "application/json"]);
    expect((await readAnswer(response)).error?.message).toMatch(/1048576 bytes.*--max-body/);
  });

  test("a body without a Content-Length gets 413 too, and no more is read than the limit allows", async () => {
    const send = (chunks: number) => {
      let sent = 0;
      const body = new ReadableStream({
        pull(controller) {
          if (sent++ < chunks) controller.enqueue(Buffer.alloc(64 * 1024, " "));
          else {
            controller.enqueue(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}'));
            controller.close();
          }
        },
      });
      const headers = { "content-type": "application/json", "mcp-session-id": session.id };
      return fetch(program.ready.url, { method: "POST", body, headers });
    };
    expect((await send(15)).status).toBe(200);
    const refused = await send(40);
    expect(refused.status).toBe(413);
    expect((await readAnswer(refused)).error?.message).toContain("--max-body");
  });

  test("a gigabyte gets 413 when it is announced, before any of it is sent", async () => {
    const { hostname, port } = new URL(program.ready.url);
    const socket = connect(Number(port), hostname);
    const head = ["POST /mcp HTTP/1.1", `Host: ${hostname}`, "Content-Type: application/json"];
    socket.write(`${[...head, `Content-Length: ${2 ** 30}`].join("\r\n")}\r\n\r\n`);
    let answer = "";
    for await (const chunk of socket) {
      answer += String(chunk);
      if (answer.includes("--max-body")) break;
    }
    expect(answer).toStartWith("HTTP/1.1 413 ");
    expect(answer).toContain("--max-body");
  });

  test("100 MB get 413 by default, on /messages too, and the program goes on", async () => {
    await using usual = await expose("obedient");
    const { url, sse } = usual.ready;
    const body = "x".repeat(100 * 1024 * 1024);
    expect((await post(url, body)).status).toBe(413);
    expect((await post(new URL("/messages?sessionId=x", sse).href, body)).status).toBe(413);
    expect((await (await openSession(url)).call("cwd")).result).toBeDefined();
  });
});

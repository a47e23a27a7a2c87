// The checks that every request passes before it is routed.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AppEvent } from "../../src/app/app.ts";
import { type Program, startProgram } from "../program.ts";
import { expose, fixture, INITIALIZE, listen, openSession, post, until } from "../eras/wire.ts";

let program: Program;
let url: string;
beforeAll(async () => {
  program = await expose("obedient", ["--allow-origin", "https://app.example"]);
  ({ url } = program.ready);
});
afterAll(async () => void (await program.stop()));

const at = (path: string) => new URL(path, url).href;

describe("a page somewhere on the internet, in a browser on this machine", () => {
  test.each([
    "http://evil.example",
    "https://127.0.0.1.evil.example",
    "null",
    "https://localhost.evil.example",
  ])("gets 403 for its origin %s", async (origin) => {
    for (const path of ["/mcp", "/mcp/", "/messages?sessionId=x"])
      expect((await post(at(path), INITIALIZE, { origin })).status).toBe(403);
    expect((await fetch(at("/sse"), { headers: { origin } })).status).toBe(403);
  });

  test.each(["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "[", ""])(
    "gets 403 for the host name %j it has bound to us",
    async (host) => {
      for (const path of ["/mcp", "/sse", "/healthz", "/nothing"])
        expect((await fetch(at(path), { headers: { host } })).status).toBe(403);
    },
  );

  test.each(["https://app.example", "http://localhost:6274", "http://127.0.0.1", "http://[::1]:3000"])(
    "may call when its origin is %s: allowed, or of this machine",
    async (origin) => {
      const response = await post(url, INITIALIZE, { origin });
      expect(response.status).toBe(200);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(response.headers.get("access-control-expose-headers")).toContain("Mcp-Session-Id");
    },
  );

  test.each(["localhost", "127.0.0.1:1", "192.168.0.7", "[::1]:8787"])(
    "may be reached as %s",
    async (host) => {
      expect((await fetch(at("/healthz"), { headers: { host } })).status).toBe(200);
    },
  );

  test("may send a preflight, as browsers do", async () => {
    const headers = {
      origin: "https://app.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,mcp-session-id,mcp-protocol-version,authorization",
    };
    const response = await fetch(url, { method: "OPTIONS", headers });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-methods")).toMatch(/POST.*DELETE/);
    expect(response.headers.get("access-control-allow-headers")).toContain("mcp-session-id");
  });
});

test("found 16: every spelling of the public host's name is served, and no other name is", async () => {
  await using proxied = await startProgram([
    "--public-url",
    "https://B\u00fccher.Example.",
    fixture("obedient"),
  ]);
  expect(proxied.ready.url).toBe("https://xn--bcher-kva.example/mcp");
  const healthz = new URL("/healthz", proxied.ready.local).href;
  const statusFor = async (host: string) => (await fetch(healthz, { headers: { host } })).status;
  for (const host of ["xn--bcher-kva.example", "xn--bcher-kva.example.", "XN--BCHER-KVA.example:443"])
    expect([host, await statusFor(host)]).toEqual([host, 200]);
  for (const host of ["example.", "b.xn--bcher-kva.example", "evil.example.", "localhost.", "localhost.:1"])
    expect([host, await statusFor(host)]).toEqual([host, 403]);
});

describe("paths", () => {
  test("/mcp, /mcp/ and /mcp?anything are the endpoint", async () => {
    for (const path of ["/mcp", "/mcp/", "/mcp?x=1", "/mcp/?x=1"])
      expect((await post(at(path), INITIALIZE)).status).toBe(200);
  });

  test("an unknown path is a 404 in JSON", async () => {
    for (const path of [
      "/",
      "/mcp/x",
      "/register",
      "/.well-known/oauth-protected-resource",
      "/../etc/passwd",
      "/%00",
    ]) {
      const response = await fetch(at(path));
      expect([response.status, response.headers.get("content-type")]).toEqual([404, "application/json"]);
      expect(await response.json()).toMatchObject({ error: "not_found" });
    }
  });

  test("--path moves the endpoint", async () => {
    await using moved = await expose("obedient", ["--path", "/tools/files"]);
    expect(moved.ready.url).toEndWith("/tools/files");
    expect((await post(moved.ready.url, INITIALIZE)).status).toBe(200);
    expect((await post(new URL("/mcp", moved.ready.url).href, INITIALIZE)).status).toBe(404);
  });
});

describe("health", () => {
  test("/healthz is on the public side, /readyz on this machine's alone", async () => {
    expect((await fetch(at("/healthz"))).status).toBe(200);
    expect((await fetch(at("/readyz"))).status).toBe(404);
    const { readyz } = program.ready;
    expect((await fetch(readyz)).status).toBe(200);
    expect((await fetch(readyz, { headers: { host: "evil.example" } })).status).toBe(403);
    expect((await fetch(new URL("/healthz", readyz))).status).toBe(404);
  });

  test("/readyz is 503 once the server hangs, and /healthz still 200", async () => {
    await using hanging = await expose("obedient");
    const { url, readyz } = hanging.ready;
    const session = await openSession(url);
    expect((await fetch(readyz)).status).toBe(200);
    await session.call("play_deaf");
    expect((await fetch(readyz)).status).toBe(503);
    expect((await fetch(new URL("/healthz", url))).status).toBe(200);
  });

  test("/readyz is 503 when the server hangs before any client has connected", async () => {
    await using hanging = await expose("answers-once");
    expect((await fetch(hanging.ready.readyz)).status).toBe(503);
  });
});

test("each request is logged once, when it has ended, with its method, tool and outcome", async () => {
  const session = await openSession(url);
  const held = listen(await session.start("hold", { key: "told" }));
  await held.next();
  const isHold = (event: AppEvent) => event.event === "request" && event.name === "hold";
  expect(program.events.some(isHold)).toBeFalse();
  await session.call("release", { key: "told" });
  const event = await program.next(isHold);
  expect(event).toMatchObject({
    method: "POST",
    path: "/mcp",
    status: 200,
    rpc: "tools/call",
    name: "hold",
    outcome: "result",
    bytes: expect.any(Number),
  });
  await held.close();
  expect(program.events.filter(isHold)).toHaveLength(1);
});

test("a stream is logged when it ends", async () => {
  const session = await openSession(url);
  const stream = await session.listen();
  const isStream = (event: AppEvent) =>
    event.event === "request" && event.method === "GET" && event.path === "/mcp";
  const before = program.events.filter(isStream).length;
  await session.call("echo");
  expect(program.events.filter(isStream)).toHaveLength(before);
  await stream.body!.cancel();
  await until("the stream is logged", () => program.events.filter(isStream).length === before + 1);
});

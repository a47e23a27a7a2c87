// A server that becomes another one: by a restart, and by itself after a crash.
import { expect, setDefaultTimeout, test } from "bun:test";
import type { Ready } from "../../src/app/app.ts";
import { openSession, post, readAnswer, INITIALIZE, until } from "../eras/wire.ts";
import { CLIENTS } from "../matrix/clients.ts";
import { createStatelessClient } from "../matrix/stateless-wire.ts";
import { openReplaceable, running, textOf } from "./replaceable-server.ts";

setDefaultTimeout(120_000);

const V1 = running("matrix/servers/v1.ts");
const MODERN = running("matrix/servers/v2-modern.ts");
const DUAL = running("matrix/servers/v2-dual.ts");
const OBEDIENT = running("fixtures/servers/obedient.ts");

for (const [name, next] of Object.entries({ "2026-07-28 alone": MODERN, "both eras": DUAL }))
  test(`a server of SDK v1 that becomes one of SDK v2 for ${name} keeps both kinds of client, and back`, async () => {
    await using server = await openReplaceable(V1);
    const ready = { url: server.url, sse: server.sse } as Ready;
    const clients = await Promise.all([
      CLIENTS["SDK v1 over streamable HTTP"](ready),
      CLIENTS["SDK v1 over HTTP+SSE"](ready),
      CLIENTS["SDK v2 pinned to 2026-07-28"](ready),
    ]);
    const addAll = () => Promise.all(clients.map((client) => client.call("add", { a: 2, b: 3 })));
    for (const text of [V1, next, V1]) {
      server.save(text);
      expect(await server.restart()).toMatchObject({ outcome: "answered" });
      for (const result of await addAll()) expect(JSON.stringify(result)).toContain('"sum":5');
      for (const client of clients) expect((await client.listTools()).length).toBeGreaterThan(3);
    }
    for (const client of clients) await client.close();
  });

const greeting = (name: string) =>
  OBEDIENT.replace(
    /^/,
    `const write = process.stdout.write.bind(process.stdout);\nprocess.stdout.write = (text) => write(String(text).replace('"name":"fixture"', '"name":"${name}"'));\n`,
  );

test("after a crash new sessions get the new process's greeting, and clients without sessions its capabilities", async () => {
  await using server = await openReplaceable(greeting("first"));
  const session = await openSession(server.url);
  const modern = createStatelessClient(server.url);
  const greet = async () => {
    const { result } = await readAnswer(await post(server.url, INITIALIZE));
    const discovered = await readAnswer(await modern.request("server/discover"));
    return [JSON.stringify(result?.["serverInfo"]), JSON.stringify(discovered.result?.["_meta"])];
  };
  for (const text of await greet()) expect(text).toContain('"first"');
  server.save(greeting("second"));
  for (const caller of [session, modern]) await caller.call("crash");
  await until("they are back", async () => (await session.call("echo")).result !== undefined);
  expect((await modern.call("echo")).result).toBeDefined();
  for (const text of await greet()) expect(text).toContain('"second"');
});

test("a server that is of another era after a crash is launched anew, once", async () => {
  await using server = await openReplaceable(V1);
  const session = await openSession(server.url);
  await session.call("add", { a: 1, b: 1 });
  server.save(MODERN);
  const [pid] = server.living();
  process.kill(pid!, "SIGKILL");
  await until("a call is served", async () => {
    const answer = await session.call("add", { a: 2, b: 3 });
    return JSON.stringify(answer.result ?? {}).includes('"sum":5');
  });
  expect(
    server.events.filter((event) => event.state === "restarting" && event.reason !== undefined),
  ).toHaveLength(1);
});

test("one client whose handshake is refused after a crash disturbs no other one", async () => {
  await using server = await openReplaceable(
    `process.env.ACCEPTED = import.meta.path + ".accepted";\n${running("fixtures/servers/refuses-later.ts")}`,
  );
  const other = await openSession(server.url);
  const before = (await other.call("pid")).result?.["pid"];
  const params = { ...INITIALIZE.params, capabilities: {}, clientInfo: { name: "unwelcome", version: "1" } };
  const opened = await post(server.url, { ...INITIALIZE, params });
  const headers = { "mcp-session-id": opened.headers.get("mcp-session-id")! };
  const call = async (name: string) => {
    const request = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } };
    return readAnswer(await post(server.url, request, headers));
  };
  expect((await readAnswer(opened)).result).toBeDefined();
  expect((await call("crash")).error).toBeDefined();
  await until("it is refused", async () => textOf(await call("pid")).includes("not you"));
  expect((await other.call("pid")).result?.["pid"]).toBe(before);
  expect(server.events.filter((event) => event.state === "restarting" && event.reason !== undefined)).toEqual(
    [],
  );
});

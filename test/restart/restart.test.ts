// A restart under living clients: what they wait for is answered or told why, and what they have arranged goes on.
import { expect, setDefaultTimeout, test } from "bun:test";
import { isAlive, listen, openSession, readAnswer, readHistory, until, within } from "../eras/wire.ts";
import { ALL, createStatelessClient, META } from "../matrix/stateless-wire.ts";
import { openReplaceable, running, textOf } from "./replaceable-server.ts";

setDefaultTimeout(60_000);

const OBEDIENT = running("fixtures/servers/obedient.ts");
const STATELESS = running("fixtures/servers/stateless.ts");
const BROKEN = `console.error("SyntaxError: Unexpected end of input");\nprocess.exit(3);\n`;
const RESTARTED = "The MCP server is restarted because its files have changed. Try again.";
const NEVER = 4_000;

test("a session goes on at the new process, which is told its log level and subscriptions", async () => {
  await using server = await openReplaceable(OBEDIENT);
  const session = await openSession(server.url);
  const set = (id: number, method: string, params: object) =>
    session.send({ jsonrpc: "2.0", id, method, params });
  await set(1, "logging/setLevel", { level: "warning" });
  await set(2, "resources/subscribe", { uri: "file:///a" });
  const before = (await session.call("pid")).result?.["pid"];
  expect(await server.restart()).toMatchObject({ outcome: "answered" });
  // Without a call: what the server says by itself must reach the session again.
  expect(server.living()).toHaveLength(1);
  expect(server.living()).not.toContain(Number(before));
  const told = (await readHistory(session)).filter(({ method }) => method !== "server/discover");
  expect(
    told.slice(0, 4).map(({ method, params }) => [method, params?.["level"] ?? params?.["uri"]]),
  ).toEqual([
    ["initialize", undefined],
    ["notifications/initialized", undefined],
    ["logging/setLevel", "warning"],
    ["resources/subscribe", "file:///a"],
  ]);
});

test("what the server says by itself reaches a client that has made no call since", async () => {
  await using server = await openReplaceable(OBEDIENT);
  const session = await openSession(server.url);
  const stream = listen(await session.listen());
  server.save(
    `${OBEDIENT}setInterval(() => console.log('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'), 100);`
      // The server's own lines end with its stdin, which is read before this.
      .replace("await import", "void import"),
  );
  await server.restart();
  expect(await stream.next()).toMatchObject({ method: "notifications/tools/list_changed" });
  await stream.close();
});

test("a restart is said in order: why, the end of the old process, the new one, and that it is back", async () => {
  await using server = await openReplaceable(OBEDIENT);
  await openSession(server.url);
  const seen = server.events.length;
  await server.restart();
  const states = server.events.slice(seen).map(({ state }) => state);
  expect(server.events[seen]).toEqual({ state: "restarting", inMs: 0, reason: "its files have changed" });
  expect(server.events[seen + 1]).toMatchObject({ state: "exited", isOurs: true });
  expect(states.slice(0, 4)).toEqual(["restarting", "exited", "started", "ready"]);
  expect(server.printed()).toMatch(/The server is back after \d+ ms\./);
});

test("with nothing in flight it waits for nothing; a call that comes meanwhile is answered by the new process", async () => {
  await using server = await openReplaceable(OBEDIENT);
  const session = await openSession(server.url);
  const modern = createStatelessClient(server.url);
  const old = [(await session.call("pid")).result?.["pid"], (await modern.call("pid")).result?.["pid"]];
  const begun = performance.now();
  const restarted = server.restart();
  const answers = await Promise.all([session.call("pid"), modern.call("pid")]);
  await restarted;
  expect(performance.now() - begun).toBeLessThan(NEVER);
  for (const { result } of answers) {
    expect(typeof result?.["pid"]).toBe("number");
    expect(old).not.toContain(result?.["pid"]);
  }
});

test("a call in flight may end; one that does not is told why after five seconds", async () => {
  await using server = await openReplaceable(OBEDIENT);
  const session = await openSession(server.url);
  const modern = createStatelessClient(server.url);
  const quick = session.call("sleep", { ms: 500 });
  const held = session.call("hold_silently", { key: "never" });
  const heldModern = modern.call("hold_silently", { key: "never" });
  await Promise.all([session.call("echo"), modern.call("echo")]);
  await server.restart();
  expect((await quick).result).toEqual({ slept: 500 });
  for (const { error } of await Promise.all([held, heldModern]))
    expect(error).toEqual({ code: -32603, message: RESTARTED });
  expect((await session.call("echo")).result).toBeDefined();
});

test("a stranger is not told why the owner restarts the server", async () => {
  await using server = await openReplaceable(OBEDIENT, { isStranger: true });
  const session = await openSession(server.url);
  const held = session.call("hold_silently", { key: "never" });
  await session.call("echo");
  await server.restart();
  expect((await held).error?.message).toBe("The MCP server is restarted. Try again.");
});

test("a question to a person is taken back at once, on both sides", async () => {
  await using server = await openReplaceable(OBEDIENT);
  const session = await openSession(server.url);
  const asking = listen(await session.start("ask", { method: "elicitation/create", params: {} }, "ask"));
  const { id } = await asking.next();
  const begun = performance.now();
  await server.restart();
  expect(performance.now() - begun).toBeLessThan(NEVER);
  expect(await asking.next()).toMatchObject({
    method: "notifications/cancelled",
    params: { requestId: id, reason: RESTARTED },
  });
  expect(String((await asking.next()).result?.["answeredBy"])).toContain('{"action":"cancel"}');
});

test("a call that is parked for its client's input ends; its retry is told to begin anew", async () => {
  await using server = await openReplaceable(OBEDIENT);
  const client = createStatelessClient(server.url, ALL);
  const params = {
    method: "elicitation/create",
    params: { mode: "form", message: "?", requestedSchema: {} },
  };
  const { result } = await client.call("ask", params);
  expect(result).toMatchObject({ resultType: "input_required" });
  const begun = performance.now();
  const restarted = server.restart();
  const more = {
    requestState: result?.["requestState"],
    inputResponses: { "elicitation-1": { action: "accept", content: {} } },
  };
  const { error } = await client.call("ask", params, {}, more);
  await restarted;
  expect(performance.now() - begun).toBeLessThan(NEVER);
  expect(error?.code).toBe(-32602);
  expect(error?.message).toContain("Send the request anew");
});

for (const [era, file] of Object.entries({ "2025-11-25": OBEDIENT, "2026-07-28": STATELESS }))
  test(`a listening stream outlives the restart of a server of ${era}, and is acknowledged once`, async () => {
    await using server = await openReplaceable(file);
    const client = createStatelessClient(server.url);
    const notifications = { toolsListChanged: true };
    const stream = listen(await client.request("subscriptions/listen", { notifications }, { id: "mine" }));
    expect((await stream.next()).method).toBe("notifications/subscriptions/acknowledged");
    for (const _ of [1, 2]) {
      await server.restart();
      await client.call("list_changed");
      expect(await stream.next()).toEqual({
        jsonrpc: "2.0",
        method: "notifications/tools/list_changed",
        params: { _meta: { [META.subscription]: "mine" } },
      } as object);
    }
    await stream.close();
  });

test("a save that breaks the server keeps the URL up and says what is wrong; the next one mends it", async () => {
  await using server = await openReplaceable(OBEDIENT);
  const session = await openSession(server.url);
  const modern = createStatelessClient(server.url);
  const stream = listen(await session.listen());
  server.save(BROKEN);
  expect(await server.restart()).toMatchObject({ outcome: "exited" });
  const begun = performance.now();
  for (const answer of [await session.call("echo"), await modern.call("echo")]) {
    expect(answer.result).toMatchObject({ isError: true });
    expect(textOf(answer)).toContain("does not start: exited with status 3");
    expect(textOf(answer)).toContain("SyntaxError: Unexpected end of input");
  }
  const listed = await readAnswer(await session.send({ jsonrpc: "2.0", id: 8, method: "tools/list" }));
  expect(listed.error?.code).toBe(-32603);
  expect(listed.error?.message).toContain("SyntaxError");
  expect(performance.now() - begun).toBeLessThan(1_000);
  const starts = server.events.filter(({ state }) => state === "started").length;
  expect(server.living()).toEqual([]);
  expect(server.events.filter(({ state }) => state === "started")).toHaveLength(starts);
  // Once more, and the session is still one that is to be taken up again.
  await server.restart();
  server.save(OBEDIENT);
  expect(await server.restart()).toMatchObject({ outcome: "answered" });
  expect((await session.call("echo")).result).toBeDefined();
  expect((await modern.call("echo")).result).toBeDefined();
  await session.call("list_changed");
  expect((await stream.next()).method).toBe("notifications/tools/list_changed");
  await stream.close();
});

test("a restart while the first launch has not answered takes its place", async () => {
  await using server = await openReplaceable(running("fixtures/servers/never-answers.ts"));
  await until("it runs", () => server.living().length === 1);
  server.save(OBEDIENT);
  expect(await server.restart()).toMatchObject({ outcome: "answered" });
  expect(await server.launched).toMatchObject({ outcome: "answered" });
  expect((await (await openSession(server.url)).call("echo")).result).toBeDefined();
  expect(server.living()).toHaveLength(1);
});

test("of restarts that come together the last one decides, and one process is left", async () => {
  await using server = await openReplaceable(OBEDIENT);
  const session = await openSession(server.url);
  const restarts = [];
  for (let count = 0; count < 10; count++) {
    server.save(count % 2 === 0 ? BROKEN : OBEDIENT);
    restarts.push(server.restart());
    await new Promise((resolve) => setTimeout(resolve, 20 * count));
  }
  expect((await Promise.all(restarts)).at(-1)).toMatchObject({ outcome: "answered" });
  expect((await session.call("echo")).result).toBeDefined();
  expect(server.living()).toHaveLength(1);
});

test("the next process is started when a stubborn one and what it has started are gone", async () => {
  await using server = await openReplaceable(running("fixtures/servers/ignores-stdin-end-and-sigterm.ts"));
  const session = await openSession(server.url);
  const pids = (await session.call("pids")).result?.["pids"] as number[];
  await server.restart();
  expect(server.neighbours).toEqual([0, 0]);
  expect(pids.map(isAlive)).toEqual([false, false]);
  expect((await session.call("pids")).result?.["pids"]).toBeDefined();
});

test("what is closed during a restart starts nothing more and leaves no process", async () => {
  const server = await openReplaceable(OBEDIENT);
  const session = await openSession(server.url);
  const held = session.call("hold_silently", { key: "never" });
  await session.call("echo");
  const restarted = server.restart();
  await server[Symbol.asyncDispose]();
  expect(await within(restarted, "the restart")).toEqual({ outcome: "stopped" });
  expect((await held).error?.code).toBe(-32603);
  expect(server.events.filter(({ state }) => state === "started")).toHaveLength(1);
  expect(server.living()).toEqual([]);
});

// A server that crashes, and clients that need not care.
import { describe, expect, test } from "bun:test";
import type { AppEvent } from "../../src/app/app.ts";
import { createBackoff } from "../../src/bridge/process/backoff.ts";
import type { Program } from "../program.ts";
import { expose, INITIALIZE, listen, openSession, readAnswer, readHistory, until } from "../eras/wire.ts";

const childStates = (program: Program) =>
  program.events.flatMap((event) => (event.event === "child" ? [event.state] : []));

const nextChild = (program: Program, state: string) =>
  program.next((event: AppEvent) => event.event === "child" && event.state === state);

const request = (id: unknown, method: string, params: object = {}) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

describe("after a crash", () => {
  test("every call in flight is answered at once, the session lives on, and the exit is reported", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    const held = await session.start("hold", { key: "never" }, "held");
    const crashed = await session.call("crash", { status: 5, words: "Segmentation something" }, "crashed");
    for (const answer of [crashed, await readAnswer(held)]) {
      expect(answer.error?.code).toBe(-32603);
      expect(answer.error?.message).toContain("exited with status 5");
    }
    expect([crashed.id, (await readAnswer(await session.send(request(9, "ping")))).id]).toEqual([
      "crashed",
      9,
    ]);
    expect(await nextChild(program, "exited")).toMatchObject({ reason: "exited with status 5" });
    expect(program.stderr()).toContain("obedient | Segmentation something");
  });

  test("the new process gets the handshake and the settings of the last one", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    await session.send(request(1, "logging/setLevel", { level: "debug" }));
    await session.send(request(2, "logging/setLevel", { level: "warning" }));
    for (const uri of ["file:///a", "file:///b"])
      await session.send(request(uri, "resources/subscribe", { uri }));
    await session.send(request(4, "resources/unsubscribe", { uri: "file:///a" }));
    await session.call("crash");
    const history = (await readHistory(session)).filter(({ method }) => method !== "ping");
    expect(history[0]).toMatchObject({ method: "initialize", params: INITIALIZE.params });
    expect(history.slice(1, 4).map(({ method, params }) => [method, params])).toEqual([
      ["notifications/initialized", undefined],
      ["logging/setLevel", { level: "warning" }],
      ["resources/subscribe", { uri: "file:///b" }],
    ]);
    expect(history).toHaveLength(5);
  });

  test("the session's streams go on: later messages reach the same GET stream", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    const stream = listen(await session.listen());
    await session.call("crash");
    await session.call("list_changed");
    expect(await stream.next()).toMatchObject({ method: "notifications/tools/list_changed" });
    await stream.close();
  });

  test("an answer to a request of the ended process reaches no other process", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    const asking = listen(await session.start("ask", { method: "roots/list" }, 1));
    const { id } = await asking.next();
    await session.call("crash");
    await session.send({ jsonrpc: "2.0", id, result: { roots: [] } });
    expect((await readHistory(session)).filter(({ result }) => result !== undefined)).toEqual([]);
  });

  test("it is ready again, and says so", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    await session.call("crash");
    // The events of the launch end in "ready", too.
    const isBack = (states: string[]) => states.includes("restarting") && states.at(-1) === "ready";
    await until("the restart", () => isBack(childStates(program)));
    expect(childStates(program).slice(-4)).toEqual(["exited", "restarting", "started", "ready"]);
    expect((await fetch(program.ready.readyz)).status).toBe(200);
  });
});

describe("a crash loop", () => {
  test("slows down; calls made meanwhile wait and are then served", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    await session.call("crash");
    await session.call("crash");
    // The second restart is not immediate: these come while there is no process.
    const waiting = [1, 2, 3].map((id) => session.call("echo", { id }, id));
    expect((await Promise.all(waiting)).map(({ id, result }) => [id, typeof result])).toEqual([
      [1, "object"],
      [2, "object"],
      [3, "object"],
    ]);
    const delays = program.events.flatMap((event) =>
      event.event === "child" && event.state === "restarting" ? [event.inMs] : [],
    );
    expect(delays).toEqual([0, 250]);
  });

  test("of a server that ends after every initialize leaves no call unanswered", async () => {
    await using program = await expose("exits-after-initialize");
    const session = await openSession(program.ready.url);
    const answers = await Promise.all([1, 2, 3].map((id) => session.call("x", {}, id)));
    expect(answers.map(({ id, error }) => [id, error?.code])).toEqual([1, 2, 3].map((id) => [id, -32603]));
    expect(await program.stop()).toBe(0);
  });

  test("waits longer and longer, half a minute at most, and begins anew after a minute without a crash", () => {
    let now = 0;
    const backoff = createBackoff(() => now);
    const waits = Array.from({ length: 7 }, () => backoff.next());
    expect(waits).toEqual([0, 250, 1_000, 4_000, 15_000, 30_000, 30_000]);
    now += 59_000;
    expect(backoff.next()).toBe(30_000);
    now += 61_000;
    expect(backoff.next()).toBe(0);
  });
});

test("clients that do not share the crashed process are not affected", async () => {
  await using program = await expose("obedient");
  const [one, other] = [await openSession(program.ready.url), await openSession(program.ready.url)];
  const held = await other.start("hold", { key: "safe" });
  await one.call("crash");
  await other.call("release", { key: "safe" });
  expect((await readAnswer(held)).result).toEqual({ released: "safe" });
});

test("every server process is announced once", async () => {
  await using program = await expose("obedient");
  const sessions = [await openSession(program.ready.url), await openSession(program.ready.url)];
  const pids = await Promise.all(
    sessions.map(async (session) => (await session.call("pid")).result?.["pid"]),
  );
  const started = program.events.flatMap((event) =>
    event.event === "child" && event.state === "started" ? [event.pid] : [],
  );
  expect(new Set(started)).toEqual(new Set(pids as number[]));
  expect(started).toHaveLength(2);
});

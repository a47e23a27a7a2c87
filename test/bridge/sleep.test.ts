// A server process that ended while no client waited for it: when it restarts, and when it does not.
import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFolder } from "../cli/process.ts";
import {
  expose,
  fixture,
  INITIALIZE,
  isAlive,
  listen,
  OPEN,
  openSession,
  post,
  readAnswer,
  readHistory,
  readStarts,
  until,
} from "../eras/wire.ts";
import { PEOPLE, pidOf, signIn } from "../isolation/people.ts";
import { ALL, createStatelessClient } from "../matrix/stateless-wire.ts";
import { startProgram, type Program } from "../program.ts";

const exitOf = (program: Program, pid: number) =>
  program.next((event) => event.event === "child" && event.state === "exited" && event.pid === pid);

const request = (id: unknown, method: string, params: object = {}) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});
const CALL_PID = request(7, "tools/call", { name: "pid" });

/** Kills the process that no client waits for, and waits until that has been seen. */
async function killIdle(program: Program, pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  await exitOf(program, pid);
}

test("found 37: two clients on a singleton server take turns and start no other process", async () => {
  await using folder = await createFolder();
  await using program = await expose("singleton", ["--env", `PLACE=${folder.path}/place`]);
  const { url } = program.ready;
  const [one, other] = [await openSession(url), await openSession(url)];
  const [first = 0] = await readStarts(program);
  await exitOf(program, first);
  // Started again by itself, the first would have ended the second before or while these are answered.
  const pids = new Set<number>();
  for (let count = 0; count < 30; count++) pids.add(pidOf(await other.call("pid")));
  expect(await readStarts(program)).toEqual([first, ...pids]);
  expect(pids.size).toBe(1);
  const third = pidOf(await one.call("pid"));
  await exitOf(program, [...pids][0]!);
  expect(pidOf(await one.call("pid"))).toBe(third);
  expect(await readStarts(program)).toHaveLength(3);
  const fourth = pidOf(await other.call("pid"));
  expect(await readStarts(program)).toEqual([first, ...pids, third, fourth]);
});

describe("found 37: a process that ended while no client waited for it", () => {
  test("is started by the next call with the last one's handshake and settings; its session and stream go on", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    const stream = listen(await session.listen());
    await session.send(request(1, "logging/setLevel", { level: "warning" }));
    const pid = pidOf(await session.call("pid"));
    await killIdle(program, pid);
    // None of these waits for an answer of the server's.
    await session.send({ jsonrpc: "2.0", method: "notifications/roots/list_changed" });
    await session.send({ jsonrpc: "2.0", id: 99, result: {} });
    await session.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
    expect((await fetch(program.ready.readyz)).status).toBe(200);
    expect(await readStarts(program)).toEqual([pid]);
    const history = await readHistory(session);
    expect(history.map(({ method }) => method)).toEqual([
      "initialize",
      "notifications/initialized",
      "logging/setLevel",
      "tools/call",
    ]);
    await session.call("list_changed");
    expect((await stream.next()).method).toBe("notifications/tools/list_changed");
    await stream.close();
    expect(await readStarts(program)).toHaveLength(2);
  });

  test("is started by the next request without a session, and not by a stream of list changes", async () => {
    await using program = await expose("obedient");
    const client = createStatelessClient(program.ready.url);
    const stream = listen(
      await client.request("subscriptions/listen", { notifications: { toolsListChanged: true } }),
    );
    await stream.next();
    const pid = pidOf(await client.call("pid"));
    await killIdle(program, pid);
    expect((await fetch(program.ready.readyz)).status).toBe(200);
    expect((await client.request("server/discover")).status).toBe(200);
    expect(await readStarts(program)).toEqual([pid]);
    await client.call("list_changed");
    expect((await stream.next()).method).toBe("notifications/tools/list_changed");
    await stream.close();
    expect(await readStarts(program)).toHaveLength(2);
  });

  test("and a session on a server without sessions, which listens again", async () => {
    await using program = await expose("stateless");
    const session = await openSession(program.ready.url);
    const stream = listen(await session.listen());
    const pid = pidOf(await session.call("pid"));
    const before = await readStarts(program);
    await killIdle(program, pid);
    await session.send(request(1, "ping"));
    expect(await readStarts(program)).toEqual(before);
    expect(pidOf(await session.call("pid"))).not.toBe(pid);
    await until("it listens again", async () =>
      (await readHistory(session)).some(({ method }) => method === "subscriptions/listen"),
    );
    await session.call("list_changed");
    expect((await stream.next()).method).toBe("notifications/tools/list_changed");
    await stream.close();
    expect(await readStarts(program)).toHaveLength(before.length + 1);
  });

  test("and whose listener had no session: the stream ends, and the process waits for the next request", async () => {
    await using program = await expose("stateless");
    const client = createStatelessClient(program.ready.url);
    const notifications = { toolsListChanged: true, resourceSubscriptions: ["file:///a"] };
    const stream = listen(await client.request("subscriptions/listen", { notifications }));
    await stream.next();
    const pid = pidOf(await client.call("pid"));
    const before = await readStarts(program);
    await killIdle(program, pid);
    expect((await stream.next()).error?.message).toContain("was ended by SIGKILL");
    await stream.close();
    expect((await fetch(program.ready.readyz)).status).toBe(200);
    expect(await readStarts(program)).toEqual(before);
    expect(pidOf(await client.call("pid"))).not.toBe(pid);
    expect(await readStarts(program)).toHaveLength(before.length + 1);
  });

  test("does not restart for a client that deletes its session", async () => {
    await using program = await expose("obedient");
    const [one, other] = [await openSession(program.ready.url), await openSession(program.ready.url)];
    const pid = pidOf(await one.call("pid"));
    await killIdle(program, pid);
    expect((await one.end()).status).toBe(200);
    expect(pidOf(await other.call("pid"))).not.toBe(pid);
    expect(await readStarts(program)).toHaveLength(2);
  });
});

test("found 37: a process that follows one that refused initialize is initialized once, by the next client", async () => {
  await using folder = await createFolder();
  const journal = join(folder.path, "journal");
  await using program = await startProgram(["--tunnel", "none", ...PEOPLE, fixture("refuses-once"), journal]);
  const { url } = program.ready;
  const ada = await signIn(url, "ada");
  const [first = 0] = await readStarts(program);
  const refused = await post(url, INITIALIZE, ada);
  expect((await readAnswer(refused)).error?.message).toBe("The token is missing.");
  await exitOf(program, first);
  // A refused client that goes on nevertheless changes nothing for the next one.
  const headers = { ...ada, "mcp-session-id": refused.headers.get("mcp-session-id") ?? "" };
  await post(url, { jsonrpc: "2.0", method: "notifications/initialized" }, headers);
  const session = await openSession(url, ada);
  const pid = pidOf(await session.call("x"));
  const heard = readFileSync(journal, "utf8").trim().split("\n");
  const own = heard.filter((line) => line.startsWith(`${pid} `)).map((line) => line.split(" ")[1]);
  expect(own).toEqual(["initialize", "notifications/initialized", "tools/call"]);
  await killIdle(program, pid);
  expect(pidOf(await session.call("x"))).not.toBe(pid);
});

test("found 37: a process that ended before it had answered anything is not ready, and no probe starts it", async () => {
  await using folder = await createFolder();
  const file = join(folder.path, "fails");
  await using program = await startProgram([...OPEN, fixture("fails-while-there"), file]);
  const { url, readyz } = program.ready;
  const session = await openSession(url);
  const pid = pidOf(await session.call("x"));
  await killIdle(program, pid);
  expect((await fetch(readyz)).status).toBe(200);
  writeFileSync(file, "");
  expect((await session.call("x")).error?.message).toContain("exited with status 7");
  await until("it is tried no more", async () => (await readStarts(program)).length === 3);
  const [, , last = 0] = await readStarts(program);
  await exitOf(program, last);
  expect((await fetch(readyz)).status).toBe(503);
  expect((await fetch(readyz)).status).toBe(503);
  expect(await readStarts(program)).toHaveLength(3);
  rmSync(file);
  expect(pidOf(await session.call("x"))).toBeNumber();
  expect((await fetch(readyz)).status).toBe(200);
});

describe("found 37: a client waits", () => {
  test("with a subscription to a resource: the process restarts by itself, and is subscribed to again", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    await session.send(request(1, "resources/subscribe", { uri: "file:///a" }));
    const pid = pidOf(await session.call("pid"));
    await killIdle(program, pid);
    await until("it is replaced", async () => (await readStarts(program)).length === 2);
    const history = await readHistory(session);
    expect(history.map(({ method }) => method)).toContain("resources/subscribe");
    expect(await readStarts(program)).toHaveLength(2);
  });

  test("without a session, too", async () => {
    await using program = await expose("obedient");
    const client = createStatelessClient(program.ready.url, ALL);
    const notifications = { resourceSubscriptions: ["file:///a"] };
    const stream = listen(await client.request("subscriptions/listen", { notifications }));
    await stream.next();
    const pid = pidOf(await client.call("pid"));
    await killIdle(program, pid);
    await until("it is replaced", async () => (await readStarts(program)).length === 2);
    await until("it is asked again", async () =>
      (await client.history()).some(({ method }) => method === "resources/subscribe"),
    );
    await stream.close();
  });

  test("with a call in flight: it gets an error, and the process restarts, later each time", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    const pid = pidOf(await session.call("pid"));
    const held = await session.start("hold", { key: "never" });
    process.kill(pid, "SIGKILL");
    expect((await readAnswer(held)).error?.message).toContain("was ended by SIGKILL");
    await until("it is replaced", async () => (await readStarts(program)).length === 2);
    await until("the old one is gone", () => !isAlive(pid));
    expect(pidOf(await readAnswer(await session.send(CALL_PID)))).toBe((await readStarts(program))[1]!);
  });
});

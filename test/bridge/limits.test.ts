// How many server processes there may be, and who goes when there are too many.
import { expect, test } from "bun:test";
import {
  expose,
  INITIALIZE,
  isAlive,
  listen,
  openSession,
  post,
  readAnswer,
  until,
  type WireSession,
} from "../eras/wire.ts";

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };
const TWO = ["--max-children", "2"];

const pidOf = async (session: WireSession) => (await session.call("pid")).result?.["pid"] as number;
const statusOf = async (session: WireSession) => (await session.send(PING)).status;

test("the process of the least recently used session makes room for a new one's, and every session goes on", async () => {
  await using program = await expose("obedient", TWO);
  const [one, other] = [await openSession(program.ready.url), await openSession(program.ready.url)];
  const pids = [await pidOf(other), await pidOf(one)];
  const third = await openSession(program.ready.url);
  await until("its process to be gone", () => !isAlive(pids[0]!));
  expect(isAlive(pids[1]!)).toBeTrue();
  for (let round = 0; round < 3; round++)
    for (const session of [other, one, third]) expect(await statusOf(session)).toBe(200);
});

test("the process of a call in flight is never ended for that", async () => {
  await using program = await expose("obedient", TWO);
  const { url } = program.ready;
  const [busy, idle] = [await openSession(url), await openSession(url)];
  const pid = await pidOf(busy);
  const held = listen(await busy.start("hold", { key: "busy" }));
  await held.next();
  await openSession(url);
  expect(await statusOf(idle)).toBe(200);
  expect(await pidOf(busy)).toBe(pid);
  await busy.call("release", { key: "busy" });
  expect(await held.next()).toMatchObject({ result: { released: "busy" } });
});

test("when all are busy, the next client is asked to retry, and then gets in", async () => {
  await using program = await expose("obedient", TWO);
  const { url, sse } = program.ready;
  const busy = [await openSession(url), await openSession(url)];
  const held = await Promise.all(busy.map((session) => session.start("hold", { key: "all" })));
  const stream = listen(await fetch(sse));
  const endpoint = new URL((await stream.nextEvent()).data, sse).href;
  for (const refused of [await post(url, INITIALIZE), await post(endpoint, INITIALIZE)]) {
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect((await readAnswer(refused)).error?.message).toContain("busy");
  }
  for (const session of busy) await session.call("release", { key: "all" });
  expect((await Promise.all(held.map(readAnswer))).map(({ result }) => result)).toEqual([
    { released: "all" },
    { released: "all" },
  ]);
  expect((await post(endpoint, INITIALIZE)).status).toBe(202);
  expect(await stream.next()).toMatchObject({ id: 0, result: {} });
  await stream.close();
});

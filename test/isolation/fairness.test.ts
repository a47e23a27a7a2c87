// No caller can end the server processes of others, or have more of them than are allowed.
import { expect, test } from "bun:test";
import { expose, INITIALIZE, isAlive, openSession, post, readAnswer, until } from "../eras/wire.ts";
import { createStatelessClient } from "../matrix/stateless-wire.ts";
import { openHouse, pidOf } from "./people.ts";

/** An `initialize` that wants a process of its own. */
const another = (number: number) => ({
  ...INITIALIZE,
  params: { ...INITIALIZE.params, capabilities: { experimental: { number } } },
});

test("one person's many sessions end their own, not another person's", async () => {
  await using house = await openHouse("obedient", ["--max-children", "4"]);
  const session = await openSession(house.url, house.ada);
  const pid = pidOf(await session.call("pid"));
  for (let number = 0; number < 8; number++) {
    expect((await post(house.url, another(number), house.bob)).status).toBe(200);
  }
  expect(pidOf(await session.call("pid"))).toBe(pid);
});

test("a process without an open session makes room before one with the caller's own", async () => {
  await using house = await openHouse("obedient", ["--max-children", "3"]);
  const { url, ada, adaElsewhere, bob } = house;
  for (const who of [ada, adaElsewhere]) await (await openSession(url, who)).end();
  const session = await openSession(url, bob);
  const pid = pidOf(await session.call("pid"));
  expect(await house.statelessPid(bob)).not.toBe(pid);
  expect(pidOf(await session.call("pid"))).toBe(pid);
});

test("a process whose tools are being looked up for a call makes no room", async () => {
  await using house = await openHouse("stateless", ["--max-children", "1", "--env", "HOLD_TOOLS=1"]);
  const { url, ada, bob, program } = house;
  const call = createStatelessClient(url, {}, ada).call("pid");
  await until("the list to be asked for", () => program.stderr().includes("holds its tools"));
  expect((await createStatelessClient(url, {}, bob).start("pid")).status).toBe(503);
  const pid = Number(/holds its tools, process (\d+)/.exec(program.stderr())?.[1]);
  process.kill(pid, "SIGUSR2");
  expect(pidOf(await call)).toBe(pid);
});

test.each([
  ["subscriptions/listen", { notifications: { toolsListChanged: true } }],
  ["server/discover", {}],
])(
  "a process before initialize makes no room when %s waits for it, and fails it when it ends",
  async (method, params) => {
    await using house = await openHouse("hangs-at-initialize", ["--max-children", "1"]);
    const { url, ada, bob, program } = house;
    const waiting = createStatelessClient(url, {}, ada).request(method, params);
    await until("the greeting to be sent", () => program.stderr().includes("Got initialize"));
    expect((await createStatelessClient(url, {}, bob).request("server/discover")).status).toBe(503);
    void program.stop();
    expect(JSON.stringify(await readAnswer(await waiting))).toMatch(/"complete"|is being stopped/);
  },
);

test("an anonymous caller ends no signed-in person's session", async () => {
  await using house = await openHouse("obedient", ["--max-children", "2", "--auth", "optional"]);
  const session = await openSession(house.url, house.ada);
  const pid = pidOf(await session.call("pid"));
  const statuses: number[] = [];
  for (let number = 0; number < 5; number++) statuses.push((await post(house.url, another(number))).status);
  expect(statuses[0]).toBe(200);
  expect(pidOf(await session.call("pid"))).toBe(pid);
});

test("--max-children counts processes that are slow to end", async () => {
  const program = await expose("ignores-stdin-end-and-sigterm", ["--max-children", "2"]);
  const pids: number[] = [];
  for (let number = 0; number < 4; number++) {
    const opened = await post(program.ready.local, another(number));
    await readAnswer(opened);
    for (const event of program.events) if (event.event === "child" && event.pid) pids.push(event.pid);
    expect(new Set(pids.filter(isAlive)).size).toBeLessThanOrEqual(3);
  }
  await program.stop();
}, 60_000);

test("a body that is cheap to send is cheap to refuse", async () => {
  await using house = await openHouse("obedient", ["--auth", "optional"]);
  const many = Array.from({ length: 20_000 }, (_, index) => `"k${index}":0`).join(",");
  const wide = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{},${many}}`;
  expect((await post(house.url, wide, house.ada)).status).toBe(400);
  const batch = Array.from({ length: 101 }, () => ({ jsonrpc: "2.0", method: "notifications/x" }));
  expect((await post(house.url, JSON.stringify(batch), house.ada)).status).toBe(400);
  // An anonymous caller among people with tokens may send little.
  expect((await post(house.url, " ".repeat(100_000))).status).toBe(413);
  const uris = Array.from({ length: 5_000 }, (_, index) => `test://${index}`);
  const client = createStatelessClient(house.url, {}, house.ada);
  const stream = await client.request("subscriptions/listen", {
    notifications: { resourceSubscriptions: uris },
  });
  const first = await stream.body!.getReader().read();
  expect(first.value?.length).toBeLessThan(50_000);
});

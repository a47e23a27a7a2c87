// Which callers share a server process, for each `--process` mode, and how many processes there may be.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  expose,
  INITIALIZE,
  isAlive,
  listen,
  openSession,
  openSseSession,
  post,
  readAnswer,
  until,
} from "../eras/wire.ts";
import { ALL, createStatelessClient } from "../matrix/stateless-wire.ts";
import { openHouse, pidOf, type House } from "./people.ts";

const CALL_PID = { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "pid" } };

describe("--process client", () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse("obedient");
  });
  afterAll(() => house[Symbol.asyncDispose]());

  test("the sessions of one person's client share a process with no others", async () => {
    const { sessionPid, ada, adaElsewhere, bob } = house;
    const own = await sessionPid(ada);
    expect(await sessionPid(ada)).toBe(own);
    expect(new Set([own, await sessionPid(adaElsewhere), await sessionPid(bob)]).size).toBe(3);
  });

  test("a client that starts a new session finds its process as it left it", async () => {
    const before = await openSession(house.url, house.ada);
    await before.call("echo", { remember: "me" });
    await before.end();
    const { result } = await (await openSession(house.url, house.ada)).call("history");
    expect(JSON.stringify(result)).toContain("remember");
  });

  test("so do requests without sessions, for each set of capabilities", async () => {
    const { sessionPid, statelessPid, ada, adaElsewhere, bob } = house;
    const own = await statelessPid(ada);
    const same = { roots: {}, sampling: {}, elicitation: { url: {}, form: {} } };
    expect(await statelessPid(ada, same)).toBe(own);
    const others = [statelessPid(ada, {}), statelessPid(adaElsewhere), statelessPid(bob), sessionPid(ada)];
    expect(await Promise.all(others)).not.toContain(own);
  });

  test("sessions that ask for another revision or have other capabilities do not", async () => {
    const { url, ada } = house;
    const pidWith = async (params: object) => {
      const opened = await post(url, { ...INITIALIZE, params: { ...INITIALIZE.params, ...params } }, ada);
      const headers = { ...ada, "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
      await opened.text();
      return pidOf(await readAnswer(await post(url, CALL_PID, headers)));
    };
    const own = await house.sessionPid(ada);
    expect(await pidWith({})).toBe(own);
    expect(await pidWith({ protocolVersion: "2025-06-18" })).not.toBe(own);
    expect(await pidWith({ capabilities: {} })).not.toBe(own);
  });
});

test("--process session: a session shares its process with no other, and the process ends with it", async () => {
  await using house = await openHouse("obedient", ["--process", "session"]);
  const { url, sessionPid, statelessPid, ada, adaElsewhere, bob } = house;
  const session = await openSession(url, ada);
  const pid = pidOf(await session.call("pid"));
  const all = await Promise.all([sessionPid(ada), sessionPid(adaElsewhere), sessionPid(bob)]);
  expect(new Set([pid, ...all]).size).toBe(4);
  await session.end();
  await until("its process to be gone", () => !isAlive(pid));
  expect(all.filter((other) => !isAlive(other))).toEqual([]);
  // Requests without sessions have none that could part them.
  const own = await statelessPid(ada);
  expect(await statelessPid(ada)).toBe(own);
  expect(await statelessPid(bob)).not.toBe(own);
});

test("--process shared: every client shares one process, with a session or without", async () => {
  await using house = await openHouse("obedient", ["--process", "shared"]);
  const { sessionPid, statelessPid, ada, adaElsewhere, bob } = house;
  const own = await sessionPid(ada);
  const others = [sessionPid(adaElsewhere), sessionPid(bob), statelessPid(ada), statelessPid(bob, {})];
  expect(await Promise.all(others)).toEqual([own, own, own, own]);
});

test("with --auth none callers are indistinguishable: sessions share nothing, requests without sessions share a process", async () => {
  await using program = await expose("obedient");
  const { url, sse } = program.ready;
  const sessions = [await openSession(url), await openSession(url)];
  const pids = await Promise.all(sessions.map(async (session) => pidOf(await session.call("pid"))));
  const old = await openSseSession(sse);
  await old.send(CALL_PID);
  pids.push(pidOf(await old.next()));
  await old.close();
  expect(new Set(pids).size).toBe(3);
  const [one, other] = [createStatelessClient(url), createStatelessClient(url)];
  expect(pidOf(await one.call("pid"))).toBe(pidOf(await other.call("pid")));
});

describe("--max-children", () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse("obedient", ["--max-children", "2"]);
  });
  afterAll(() => house[Symbol.asyncDispose]());

  test("ends the process that was used longest ago, whose client gets another when it comes back", async () => {
    const { statelessPid, ada, adaElsewhere, bob } = house;
    const [first, second] = [await statelessPid(ada), await statelessPid(bob)];
    expect(await statelessPid(ada)).toBe(first);
    await statelessPid(adaElsewhere);
    expect(await statelessPid(ada)).toBe(first);
    expect(await statelessPid(bob)).not.toBe(second);
  });

  test("never ends one with a parked call or a listener: the next client is asked to retry", async () => {
    const { url, ada, adaElsewhere, bob } = house;
    const question = { method: "elicitation/create", params: { message: "Who?" } };
    const own = createStatelessClient(url, ALL, ada);
    const { result } = await own.call("ask", question);
    const notifications = { toolsListChanged: true };
    const other = createStatelessClient(url, ALL, bob);
    const stream = listen(await other.request("subscriptions/listen", { notifications }));
    await stream.next();
    const refused = await createStatelessClient(url, ALL, adaElsewhere).start("pid");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    const more = {
      requestState: result?.["requestState"],
      inputResponses: { "elicitation-1": { action: "accept" } },
    };
    expect((await own.call("ask", question, {}, more)).result).toHaveProperty("answeredBy");
    await stream.close();
    expect(await house.statelessPid(adaElsewhere)).toBeNumber();
  });
});

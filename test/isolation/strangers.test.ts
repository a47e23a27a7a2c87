// `--auth optional`: people without a token share one server process, which no one else is ever on.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  INITIALIZE,
  isAlive,
  listen,
  openSession,
  openSseSession,
  post,
  readAnswer,
  readMessages,
  readStarts,
  until,
  type WireSession,
} from "../eras/wire.ts";
import { ALL, createStatelessClient, META, type StatelessClient } from "../matrix/stateless-wire.ts";
import type { Program } from "../program.ts";
import { openHouse, type House } from "./people.ts";

setDefaultTimeout(60_000);

const OPTIONAL = ["--auth", "optional"];
const SECRET = "the words of one stranger";
const LOUD = { meta: { [META.logLevel]: "debug" } };

const delaysOf = ({ events }: Program) =>
  events.flatMap((event) => (event.event === "child" && event.state === "restarting" ? [event.inMs!] : []));

const listing = (cursor: string, id: number | string = 5, _meta?: object) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/list",
  params: { cursor, ...(_meta && { _meta }) },
});
const act = async (session: WireSession, cursor: string, id?: number | string) =>
  readAnswer(await session.send(listing(cursor, id)));
const actWithout = async (client: StatelessClient, cursor: string) =>
  readAnswer(await client.request("tools/list", { cursor }));

/** An `initialize` like no other's. */
const another = (number: number) => ({
  ...INITIALIZE,
  params: {
    ...INITIALIZE.params,
    protocolVersion: ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"][number % 4],
    capabilities: { experimental: { number } },
  },
});

for (const server of ["acting-lists", "stateless", "settles-at-once"])
  test(`found 13: strangers of every dialect share one process of ${server}, started once, with no one else`, async () => {
    await using house = await openHouse(server, OPTIONAL);
    const { url, program, ada, bob } = house;
    const look = async (number: number) => {
      expect((await post(url, another(number))).status).toBe(200);
      const without = createStatelessClient(url, { experimental: { number } });
      expect((await without.request("tools/list")).status).toBe(200);
    };
    await Promise.all(Array.from({ length: 20 }, (_, number) => look(number)));
    await (await openSseSession(program.ready.sse)).close();
    const [shared, ...more] = await readStarts(program);
    expect(more).toEqual([]);
    // A process that strangers have used is never handed to a person, not even when it is idle.
    const session = await openSession(url);
    await session.end();
    for (const who of [ada, bob]) {
      await openSession(url, who);
      expect((await createStatelessClient(url, ALL, who).request("tools/list")).status).toBe(200);
    }
    const own = await readStarts(program);
    expect(own.length).toBeGreaterThanOrEqual(3);
    await look(99);
    expect(await readStarts(program)).toEqual(own);
    expect(isAlive(shared!)).toBeTrue();
  });

test("found 13: a signed-in person never gets the strangers' process, in any order of arrival", async () => {
  await using house = await openHouse("acting-lists", OPTIONAL);
  const { url, ada, bob } = house;
  const pidFor = async (headers = {}) => (await act(await openSession(url, headers), "")).result?.["pid"];
  const pids = [await pidFor(ada), await pidFor(), await pidFor(bob)];
  expect(new Set(pids).size).toBe(3);
  expect([await pidFor(ada), await pidFor(), await pidFor(bob)]).toEqual(pids);
  expect((await actWithout(createStatelessClient(url), "")).result?.["pid"]).toBe(pids[1]);
});

describe("found 13: strangers on one process", () => {
  let house: House;
  let url: string;
  beforeAll(async () => {
    house = await openHouse("acting-lists", OPTIONAL);
    ({ url } = house);
  });
  afterAll(() => house[Symbol.asyncDispose]());

  test("get their own answers and progress, whatever ids and tokens they use", async () => {
    const sessions = await Promise.all([openSession(url), openSession(url)]);
    const [own, other] = [createStatelessClient(url), createStatelessClient(url, {})];
    const meta = { progressToken: "same" };
    const answers = await Promise.all([
      ...sessions.map((session, at) => session.send(listing(`progress ${at + 1}`, "same", meta))),
      own.request("tools/list", { cursor: "progress 3" }, { id: "same", meta }),
      other.request("tools/list", { cursor: "progress 4" }, { id: "same", meta }),
    ]);
    const messages = await Promise.all(answers.map(readMessages));
    expect(messages.map(({ length }) => length)).toEqual([2, 3, 4, 5]);
    expect(messages.flat().map(({ id, params }) => id ?? params?.["progressToken"])).toEqual(
      Array.from({ length: 14 }, () => "same"),
    );
    const tokens = messages.map((all) => all.at(-1)?.result?.["progressToken"]);
    expect(new Set(tokens).size).toBe(4);
  });

  test("get no message that another's request caused, only changes of lists", async () => {
    const [own, other] = [await openSession(url), await openSession(url)];
    const elsewhere = listen(await other.listen());
    const mine = listen(await own.listen());
    const sse = await openSseSession(house.program.ready.sse);
    const held = createStatelessClient(url).request("tools/list", { cursor: "hold loud" }, LOUD);
    await until("it is held", async () => JSON.stringify(await act(other, "history")).includes("hold loud"));
    await act(own, `whisper ${SECRET}`);
    await actWithout(createStatelessClient(url), `whisper ${SECRET}`);
    await act(own, "changed");
    for (const stream of [elsewhere, mine, sse])
      expect(await stream.next()).toMatchObject({ method: "notifications/tools/list_changed" });
    await act(other, "release loud");
    expect(JSON.stringify(await readMessages(await held))).not.toContain(SECRET);
    await Promise.all([elsewhere.close(), mine.close(), sse.close()]);
  });

  test("get no server requests, and none can answer one that another's request caused", async () => {
    const [own, other] = [await openSession(url), await openSession(url)];
    const [mine, elsewhere] = [listen(await own.listen()), listen(await other.listen())];
    const answers = [
      await act(own, `ask ${SECRET}`),
      await actWithout(createStatelessClient(url, ALL), `ask ${SECRET}`),
    ];
    for (const { result } of answers) expect(String(result?.["answeredBy"])).toContain('"code":-32601');
    for (const id of [1, 2, "question-1", "question-2"])
      await other.send({ jsonrpc: "2.0", id, result: { action: "accept", content: { from: "other" } } });
    await act(own, "changed");
    for (const stream of [mine, elsewhere]) {
      expect(await stream.next()).toMatchObject({ method: "notifications/tools/list_changed" });
      await stream.close();
    }
    const { result } = await act(own, "history");
    expect(JSON.stringify(result?.["history"])).not.toContain("from");
  });

  test("cannot cancel each other's requests or change settings of the server", async () => {
    const [own, other] = [await openSession(url), await openSession(url)];
    const held = own.send(listing("hold safe", 1));
    await until("it is held", async () => JSON.stringify(await act(other, "history")).includes("hold safe"));
    for (let requestId = 1; requestId < 20; requestId++)
      await other.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } });
    for (const [method, params] of [
      ["logging/setLevel", { level: "debug" }],
      ["resources/subscribe", { uri: "file:///a" }],
    ] as const)
      expect((await other.send({ jsonrpc: "2.0", id: 9, method, params })).status).toBe(401);
    await act(other, "release safe");
    expect((await readAnswer(await held)).result).toMatchObject({ released: "safe" });
  });

  test("are a hundred sessions at the most: the one that was not used for the longest time goes", async () => {
    const [first, second] = [await openSession(url), await openSession(url)];
    for (let number = 0; number < 98; number++) await post(url, another(number));
    expect((await first.send(listing(""))).status).toBe(200);
    await post(url, another(99));
    expect((await first.send(listing(""))).status).toBe(200);
    expect((await second.send(listing(""))).status).toBe(404);
  });
});

describe("found 13: when the strangers' process ends", () => {
  test("during their calls, it restarts once each time, later and later, and signed-in people are not affected", async () => {
    await using house = await openHouse("acting-lists", OPTIONAL);
    const { url, program, ada } = house;
    const person = await openSession(url, ada);
    const pid = (await act(person, "")).result?.["pid"];
    const session = await openSession(url);
    const sessions = [session, await openSession(url), await openSession(url)];
    for (let round = 0; round < 3; round++)
      await Promise.all(sessions.map((session) => act(session, "crash")));
    expect((await act(session, "")).result).toBeDefined();
    const starts = await readStarts(program);
    const delays = delaysOf(program);
    expect(delays).toEqual([0, 250, 1_000, 4_000, 15_000].slice(0, delays.length));
    expect(delays.length).toBeGreaterThan(1);
    // Of each but the first two, and after its end alone, another was started.
    expect(starts).toHaveLength(2 + delays.length);
    const states = program.events.flatMap((event) =>
      event.event === "child" && event.pid !== pid && event.state !== "ready" ? [event.state] : [],
    );
    expect(states.slice(states.indexOf("exited")).join(" ")).toMatch(/^(exited restarting started ?)+$/);
    expect((await act(person, "")).result?.["pid"]).toBe(pid);
  });

  test("while none of them waits, its restarts are limited", async () => {
    await using house = await openHouse("acting-lists", OPTIONAL);
    const session = await openSession(house.url);
    for (let count = 1; count <= 3; count++) {
      expect((await act(session, "leave")).result).toBeDefined();
      await until("its end is reported", () => {
        const exits = house.program.events.filter(
          (event) => event.event === "child" && event.state === "exited",
        );
        return exits.length === count;
      });
    }
    expect((await act(session, "")).result).toBeDefined();
    await readStarts(house.program);
    const delays = delaysOf(house.program);
    expect(delays).toHaveLength(3);
    expect(Math.max(...delays)).toBeGreaterThan(0);
  });

  test("because the server refuses initialize, strangers cannot make it start again and again", async () => {
    await using house = await openHouse("refuses-initialize", OPTIONAL);
    const { error } = await readAnswer(await post(house.url, another(0)));
    expect(error?.message).toBe("There is no licence.");
    for (let number = 1; number < 40; number++) await (await post(house.url, another(number))).text();
    expect((await readStarts(house.program)).length).toBeLessThan(8);
  });

  test("because a signed-in person needs the room, it ends though strangers use it, and they get no other", async () => {
    await using house = await openHouse("acting-lists", [...OPTIONAL, "--max-children", "1"]);
    const { url, program, ada } = house;
    const stranger = await openSession(url);
    const held = stranger.send(listing("hold on"));
    await until("it is held", async () =>
      JSON.stringify(await act(stranger, "history", 6)).includes("hold on"),
    );
    const person = await openSession(url, ada);
    expect((await readAnswer(await held)).error).toBeDefined();
    for (let number = 0; number < 5; number++) expect((await post(url, another(number))).status).toBe(503);
    expect((await act(person, "")).result?.["pid"]).toBe((await readStarts(program)).at(-1));
    expect(await readStarts(program)).toHaveLength(2);
  });
});

// Sessions that are not in memory and go on all the same: over rest, over a restart, with a store that is slow, fails, or holds
// what cannot be read.
import { afterEach, beforeEach, describe, expect, jest, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Caller } from "../../src/eras/caller.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { SessionRecord, Store, SyncStore } from "../../src/store/store.ts";
import { createSlowStore } from "../store/slow-store.ts";
import { openClocked, personOf, type ClockedEndpoint } from "./clocked-endpoint.ts";
import { INITIALIZE, listen, until } from "./wire.ts";

setDefaultTimeout(60_000);

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const PING = { jsonrpc: "2.0", id: 1, method: "ping" };
const ADA = personOf("ada");
const BOB = personOf("bob");

let store: SyncStore;
const opened: ClockedEndpoint[] = [];
beforeEach(() => void (store = openSqliteStore(":memory:")));
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  store.close();
});

/** One more program with the same store; the one before has stopped, or was killed. */
function start(by: Store = store, server?: string): ClockedEndpoint {
  const one = openClocked(by, server);
  opened.push(one);
  return one;
}
async function restart(by?: Store, server?: string): Promise<ClockedEndpoint> {
  await opened.pop()?.close();
  return start(by, server);
}

const hashOf = (id: string) => createHash("sha256").update(id).digest("hex");
const find = (id: string): SessionRecord | undefined => store.findSession(hashOf(id), "server-1", 0);
const statusOf = async (one: ClockedEndpoint, id: string, who: Caller) =>
  (await one.send(id, who, PING)).status;
const isWritten = (id: string) => until("the note is written", () => find(id) !== undefined);
const greeting = /"isInitialized":true/;

describe("a session that has rested", () => {
  afterEach(() => void jest.useRealTimers());

  test.each([
    ["of a person", ADA],
    ["where no one signs in", { key: "", isValid: () => true }],
  ])("sixteen minutes, %s, leaves memory, and goes on with the next request", async (_whose, who) => {
    jest.useFakeTimers();
    const one = start();
    const id = await one.open(who);
    const before = await one.get(id, who);
    const stream = listen(before);
    await stream.close();
    one.clock.now += 16 * MINUTE;
    jest.advanceTimersByTime(MINUTE);
    jest.useRealTimers();
    const after = listen(await one.get(id, who, "0_0"));
    expect((await one.call(id, who, "pid")).result?.["pid"]).toBeNumber();
    await one.call(id, who, "list_changed");
    expect((await after.next()).method).toBe("notifications/tools/list_changed");
    await after.close();
  });

  test("a month is gone; one that is used now and then is not", async () => {
    const one = start();
    const [used, unused] = [await one.open(ADA), await one.open(ADA)];
    one.clock.now += 20 * DAY;
    const { now } = one.clock;
    const two = await restart();
    two.clock.now = now;
    expect(await statusOf(two, used, ADA)).toBe(200);
    two.clock.now += 20 * DAY;
    const three = await restart();
    three.clock.now = now + 20 * DAY;
    expect(await statusOf(three, used, ADA)).toBe(200);
    expect(await statusOf(three, unused, ADA)).toBe(404);
  });

  test("an hour and is used again is noted as used, and no sooner", async () => {
    jest.useFakeTimers();
    const one = start();
    const id = await one.open(ADA);
    // Every other wait stands still.
    while (find(id) === undefined) await new Promise((resolve) => setImmediate(resolve));
    const { usedAt } = find(id)!;
    for (const [minutes, noted] of [
      [14, 0],
      [14, 0],
      [14, 0],
      [14, 0],
      [14, 70 * MINUTE],
    ] as const) {
      one.clock.now += minutes * MINUTE;
      await statusOf(one, id, ADA);
      jest.advanceTimersByTime(MINUTE);
      await new Promise((resolve) => setImmediate(resolve));
      expect(find(id)?.usedAt).toBe(usedAt + noted);
    }
  });
});

describe("after a restart", () => {
  test("five requests at once make one object, one process and one look into a store that is slow", async () => {
    const first = start();
    const id = await first.open(ADA);
    const slow = createSlowStore(store);
    let looks = 0;
    const counting: Store = {
      ...slow,
      findSession(...args) {
        looks++;
        return slow.findSession(...args);
      },
    };
    const one = await restart(counting);
    const answers = await Promise.all(Array.from({ length: 5 }, () => one.call(id, ADA, "pid")));
    expect(answers.map(({ result, error }) => [typeof result?.["pid"], error])).toEqual([
      ["number", undefined],
      // The four others have the id of the first.
      ...Array.from({ length: 4 }, () => ["undefined", expect.objectContaining({ code: -32600 })]),
    ]);
    const { result } = await one.call(id, ADA, "history");
    const methods = String(result?.["history"]).match(/"method":"initialize"/g);
    expect([looks, methods?.length]).toEqual([1, 1]);
  });

  test("it is its principal's alone, and other ids cost no look into the store", async () => {
    const id = await start().open(ADA);
    const looked: string[] = [];
    const watching: Store = {
      ...store,
      findSession(hash, ...more) {
        looked.push(hash);
        return store.findSession(hash, ...more);
      },
    };
    const one = await restart(watching);
    for (const who of [BOB, personOf("ada elsewhere")]) {
      expect(await statusOf(one, id, who)).toBe(404);
      expect((await one.get(id, who)).status).toBe(404);
      expect((await one.end(id, who)).status).toBe(404);
    }
    expect(new Set(looked)).toEqual(new Set([hashOf(id)]));
    looked.length = 0;
    for (const odd of ["", "nobody", id.toUpperCase(), `${id}0`, id.slice(1), "g".repeat(40)])
      expect(await statusOf(one, odd, ADA)).toBe(404);
    expect(looked).toEqual([]);
    expect(await statusOf(one, id, ADA)).toBe(200);
  });

  test("strangers without a token leave no note", async () => {
    const policy = { looksAtHints: false, refuse: () => undefined, view: () => ({}) };
    const stranger: Caller = { key: "", isValid: () => true, policy };
    const one = start();
    const id = await one.open(stranger);
    expect(await statusOf(one, id, stranger)).toBe(200);
    const two = await restart();
    expect(find(id)).toBeUndefined();
    expect(await statusOf(two, id, stranger)).toBe(404);
  });

  test("DELETE of it starts no process, and it is gone for good", async () => {
    const id = await start().open(ADA);
    const one = await restart();
    await until("the spare is there", () => one.starts() === 1);
    expect((await one.end(id, ADA)).status).toBe(200);
    expect(await statusOf(one, id, ADA)).toBe(404);
    expect(one.starts()).toBe(1);
    expect(await statusOf(await restart(), id, ADA)).toBe(404);
  });

  test("no event id of a life before is taken for one of this life", async () => {
    const first = start();
    const id = await first.open(ADA);
    const stream = listen(await first.get(id, ADA));
    await first.call(id, ADA, "list_changed");
    const { id: old = "" } = await stream.nextEvent();
    expect(old).toBe("0_1");
    const second = await restart();
    for (const lastEventId of [old, "1_0", "7_3"]) {
      const fresh = await second.get(id, ADA, lastEventId);
      expect(fresh.status).toBe(200);
      const after = listen(fresh);
      await second.call(id, ADA, "list_changed");
      const event = await after.nextEvent();
      expect(event.id).toMatch(/^[0-9a-f]{12}-0_\d+$/);
      await after.close();
    }
    const again = listen(await second.get(id, ADA));
    await second.call(id, ADA, "list_changed");
    const { id: marked = "" } = await again.nextEvent();
    await again.close();
    await second.call(id, ADA, "list_changed");
    // In its own life it goes on behind it; in the next one it does not.
    const resumed = listen(await second.get(id, ADA, marked));
    expect((await resumed.nextEvent()).id).toBe(
      marked.replace(/\d+$/, (number) => String(Number(number) + 1)),
    );
    const third = await restart();
    const fresh = listen(await third.get(id, ADA, marked));
    await third.call(id, ADA, "list_changed");
    expect((await fresh.nextEvent()).id).not.toStartWith(marked.slice(0, 12));
    await fresh.close();
  });

  test.each(["", "{", "[]", '{"initialize":"no JSON","isInitialized":true,"resources":[]}', "other message"])(
    "a note that cannot be read is dropped, and said in the log: %s",
    async (text) => {
      const id = await start().open(ADA);
      await isWritten(id);
      const record = find(id)!;
      const whole = JSON.parse(record.setup) as Record<string, unknown>;
      const setup =
        text === "other message" ? JSON.stringify({ ...whole, initialize: JSON.stringify(PING) }) : text;
      const one = await restart();
      store.keepSessions([{ ...record, setup }], { perCaller: 9, inAll: 9, usedAfter: 0 });
      expect(await statusOf(one, id, ADA)).toBe(404);
      expect(one.logged()).toContain("cannot be read, and was dropped");
      await until("it is dropped", () => find(id) === undefined);
      expect(await statusOf(one, id, ADA)).toBe(404);
      expect(one.logged().split("was dropped")).toHaveLength(2);
    },
  );
});

test("what is kept is the handshake as it came, level and subscriptions, under the hash of the id", async () => {
  const one = start();
  const id = await one.open(ADA);
  await one.send(id, ADA, { ...PING, method: "logging/setLevel", params: { level: "error" } });
  for (const uri of ["file:///a", "file:///b"])
    await one.send(id, ADA, { ...PING, method: "resources/subscribe", params: { uri } });
  await one.send(id, ADA, { ...PING, method: "resources/unsubscribe", params: { uri: "file:///a" } });
  await until("all is written", () => /:\["file:\/\/\/b"\]/.test(find(id)?.setup ?? ""));
  const { setup, ...record } = find(id)!;
  expect(JSON.parse(setup)).toEqual({
    initialize: JSON.stringify(INITIALIZE),
    isInitialized: true,
    logLevel: "error",
    resources: ["file:///b"],
  });
  expect(record).toEqual({
    hash: hashOf(id),
    serverId: "server-1",
    callerKey: "ada",
    grantId: "grant of ada",
    usedAt: one.clock.now,
  });
});

function openLarge(one: ClockedEndpoint, kilobytes: number) {
  const clientInfo = { name: "x".repeat(kilobytes * 1024), version: "1" };
  const body = JSON.stringify({ ...INITIALIZE, params: { ...INITIALIZE.params, clientInfo } });
  return one.endpoint.mcp(new Request("http://127.0.0.1/mcp", { method: "POST", body }), ADA);
}

test("a client that changes its mind all the time costs few writes, and its last word is kept", async () => {
  let writes = 0;
  const counting: Store = {
    ...store,
    keepSessions(...args) {
      writes++;
      store.keepSessions(...args);
    },
  };
  const one = start(counting);
  const id = await one.open(ADA);
  const begun = performance.now();
  for (let count = 0; count < 250; count++)
    for (const level of ["debug", "error"])
      await one.send(id, ADA, { ...PING, method: "logging/setLevel", params: { level } });
  const most = 20 * (2 + (performance.now() - begun) / 1_000);
  expect(writes).toBeLessThanOrEqual(most);
  await until("the last word is kept", () => find(id)?.setup.includes('"error"') === true);
});

test("an initialize of more than 512 KB is refused: every session keeps its own in memory", async () => {
  const refused = await openLarge(start(), 512);
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("over the limit")]);
});

test("an initialize of more than 64 KB is not kept, and its session works", async () => {
  const one = start();
  const id = (await openLarge(one, 65)).headers.get("mcp-session-id") ?? "";
  expect(await statusOf(one, id, ADA)).toBe(200);
  await isWritten(await one.open(ADA));
  expect(find(id)).toBeUndefined();
});

describe("a store that is slow", () => {
  /** Lets an operation through when the test says so. */
  function gate(name: "keepSessions" | "findSession" | "removeSessions") {
    const { promise, resolve } = Promise.withResolvers<void>();
    let asked = 0;
    const gated: Store = {
      ...store,
      [name]: async (...args: unknown[]) => {
        asked++;
        // The store looks at once, and its answer takes a while.
        const early = name === "findSession" ? (store[name] as never as Call)(...args) : undefined;
        await promise;
        return early ?? (store[name] as never as Call)(...args);
      },
    };
    return { gated, open: resolve, asked: () => asked };
  }
  type Call = (...args: unknown[]) => unknown;

  test("delays no answer, and a session it does not know yet goes on", async () => {
    const { gated, open, asked } = gate("keepSessions");
    const one = start(gated);
    const id = await one.open(ADA);
    await until("it is being written", () => asked() > 0);
    expect(find(id)).toBeUndefined();
    expect(await statusOf(one, id, ADA)).toBe(200);
    open();
    await until("it is written", () => greeting.test(find(id)?.setup ?? ""));
  });

  test("writes what came meanwhile at once: many sessions are one write", async () => {
    const { gated, open, asked } = gate("keepSessions");
    const one = start(gated);
    const ids = [await one.open(ADA)];
    await until("it is being written", () => asked() > 0);
    for (let count = 0; count < 10; count++) ids.push(await one.open(ADA));
    open();
    await until("all are written", () => ids.every((id) => find(id)));
    expect(asked()).toBe(2);
  });

  test("does not bring back what was deleted while it wrote", async () => {
    const { gated, open, asked } = gate("keepSessions");
    const one = start(gated);
    const id = await one.open(ADA);
    await until("it is being written", () => asked() > 0);
    expect((await one.end(id, ADA)).status).toBe(200);
    expect(await statusOf(one, id, ADA)).toBe(404);
    open();
    await opened.pop()!.close();
    expect(find(id)).toBeUndefined();
  });

  test("does not bring back what was deleted before it removed it, or while it looked", async () => {
    const id = await start().open(ADA);
    const looking = gate("findSession");
    const one = await restart(looking.gated);
    const late = one.send(id, ADA, PING);
    await until("it is looked up", () => looking.asked() > 0);
    // As soon as it is known, another request ends it.
    const ended = one.end(id, ADA);
    looking.open();
    expect([(await late).status, (await ended).status]).toEqual([200, 200]);
    expect(await statusOf(one, id, ADA)).toBe(404);
    const next = await start().open(ADA);
    await isWritten(next);
    const removing = gate("removeSessions");
    const two = start(removing.gated);
    expect((await two.end(next, ADA)).status).toBe(200);
    await until("it is being removed", () => removing.asked() > 0);
    expect(find(next)).toBeDefined();
    expect(await statusOf(two, next, ADA)).toBe(404);
    removing.open();
  });

  test("opens no stream of a session that another request has ended since it looked", async () => {
    const id = await start().open(ADA);
    const { gated, open, asked } = gate("findSession");
    const one = await restart(gated);
    const ended = one.end(id, ADA);
    const stream = one.get(id, ADA);
    await until("it is looked up", () => asked() > 0);
    open();
    expect([(await ended).status, (await stream).status]).toEqual([200, 404]);
  });

  test("does not bring back what another request deleted since it looked", async () => {
    const id = await start().open(ADA);
    await restart();
    const { promise, resolve } = Promise.withResolvers<void>();
    let looks = 0;
    const one = await restart({
      ...store,
      async findSession(...args) {
        const found = store.findSession(...args);
        if (++looks === 1) await promise;
        return found;
      },
    });
    const late = one.send(id, ADA, PING);
    await until("it is looked up", () => looks === 1);
    expect((await one.end(id, personOf("ada", "another grant"))).status).toBe(200);
    await until("it is removed", () => find(id) === undefined);
    resolve();
    expect((await late).status).toBe(404);
  });

  test("a request whose access was revoked while it looked is refused, and leaves no session", async () => {
    const id = await start().open(ADA);
    const { gated, open, asked } = gate("findSession");
    const one = await restart(gated);
    let isValid = true;
    const refuse = () => (isValid ? undefined : new Response(null, { status: 401 }));
    const revoked: Caller = { ...ADA, isValid: () => isValid, refuse };
    const asking = [one.send(id, revoked, PING), one.get(id, revoked), one.end(id, revoked)];
    await until("it is looked up", () => asked() > 0);
    isValid = false;
    store.revokeAllGrants(one.clock.now);
    one.endpoint.recheck("grant of ada", true);
    open();
    expect((await Promise.all(asking)).map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(await statusOf(one, id, personOf("ada", "a new grant"))).toBe(404);
  });
});

describe("a store that fails", () => {
  function fail() {
    const state = { isFailing: true };
    const throwing: Store = {
      ...store,
      keepSessions(...args) {
        if (state.isFailing) throw new Error("attempt to write a readonly database");
        store.keepSessions(...args);
      },
      findSession: (...args) =>
        state.isFailing ? Promise.reject(new Error("no connection")) : store.findSession(...args),
    };
    return { throwing, state };
  }

  test("is said once, the calls go on, and the notes are written when it works again", async () => {
    const { throwing, state } = fail();
    const one = start(throwing);
    const ids = [await one.open(ADA), await one.open(BOB)];
    expect(await statusOf(one, ids[0]!, ADA)).toBe(200);
    await until("it is said", () => one.logged().includes("Sessions cannot be kept"));
    expect(one.logged()).toContain("attempt to write a readonly database");
    state.isFailing = false;
    await until("they are written", () => ids.every((id) => find(id)));
    await until("it is said", () => one.logged().includes("Sessions are kept again."));
    expect(one.logged().match(/cannot be kept/g)).toHaveLength(1);
  });

  test("has no say in the end of a grant: a note that waits for it goes, too", async () => {
    const { throwing } = fail();
    const one = start(throwing);
    const [hers, his] = [await one.open(ADA), await one.open(BOB)];
    await until("they wait", () => one.logged().includes("Sessions cannot be kept"));
    one.endpoint.recheck("grant of ada", true);
    expect([await statusOf(one, hers, ADA), await statusOf(one, his, BOB)]).toEqual([404, 200]);
  });

  test("and knows a session by an earlier grant loses it with the one that it was last used with", async () => {
    const { throwing, state } = fail();
    state.isFailing = false;
    const one = start(throwing);
    const id = await one.open(ADA);
    await until("it is noted", () => greeting.test(find(id)?.setup ?? ""));
    state.isFailing = true;
    expect(await statusOf(one, id, personOf("ada", "the next"))).toBe(200);
    await until("it waits", () => one.logged().includes("Sessions cannot be kept"));
    one.endpoint.recheck("the next", true);
    state.isFailing = false;
    expect(await statusOf(one, id, ADA)).toBe(404);
    await opened.pop()!.close();
    expect(find(id)).toBeUndefined();
  });

  test("makes a request for a session it may know try again, and does not end the session", async () => {
    const id = await start().open(ADA);
    const { throwing, state } = fail();
    const one = await restart(throwing);
    for (let round = 0; round < 2; round++) expect(await statusOf(one, id, ADA)).toBe(503);
    expect(one.logged().match(/Sessions cannot be looked up: no connection/g)).toHaveLength(1);
    state.isFailing = false;
    expect(await statusOf(one, id, ADA)).toBe(200);
    expect(one.logged()).toContain("Sessions can be looked up again.");
  });
});

describe("the grant of a session", () => {
  test("that ends takes the session and what waits to be written with it", async () => {
    const one = start();
    const [hers, his] = [await one.open(ADA), await one.open(BOB)];
    // In the same turn: nothing of this has been written.
    store.revokeAllGrants(one.clock.now);
    one.endpoint.recheck("grant of ada", true);
    expect(await statusOf(one, hers, ADA)).toBe(404);
    expect(await statusOf(one, his, BOB)).toBe(200);
  });

  test("is not that of a token that was revoked meanwhile", async () => {
    const one = start();
    const id = await one.open(ADA);
    const refuse = () => new Response(null, { status: 401 });
    await one.send(id, { ...personOf("ada", "the next"), isValid: () => false, refuse }, PING);
    one.endpoint.recheck("grant of ada", true);
    store.removeSessions([hashOf(id)]);
    expect(await statusOf(one, id, ADA)).toBe(404);
  });

  test("of which one token is revoked does not", async () => {
    const one = start();
    const id = await one.open(ADA);
    one.endpoint.recheck("grant of ada", false);
    expect(await statusOf(one, id, ADA)).toBe(200);
  });

  test("is that of the token it was last used with", async () => {
    const one = start();
    const id = await one.open(ADA);
    expect(await statusOf(one, id, personOf("ada", "the next"))).toBe(200);
    await until("it is noted", () => find(id)?.grantId === "the next");
    one.endpoint.recheck("grant of ada", true);
    expect(await statusOf(one, id, personOf("ada", "the next"))).toBe(200);
    one.endpoint.recheck("the next", true);
    store.removeSessions([hashOf(id)]);
    expect(await statusOf(one, id, ADA)).toBe(404);
  });
});

const RAW =
  '{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}}';

test.each([
  ["with", "obedient", { name: "ask", arguments: { method: "roots/list" } }],
  ["without", "stateless", { name: "raw", arguments: { reply: RAW } }],
])(
  "the answer to a question of an earlier process answers none of the next one: a server %s sessions",
  async (_kind, server, params) => {
    async function beAsked(one: ClockedEndpoint): Promise<unknown> {
      const stream = listen(await one.send(id, ADA, { ...PING, id: 7, method: "tools/call", params }));
      for (;;) {
        const message = await stream.next();
        if (message.method === "roots/list") return message.id;
      }
    }
    const first = start(store, server);
    const id = await first.open(ADA);
    const before = await beAsked(first);
    const second = await restart(store, server);
    const after = await beAsked(second);
    for (const [question, name] of [
      [before, "too late"],
      [after, "in time"],
    ]) {
      const roots = [{ uri: "file:///a", name }];
      await second.send(id, ADA, { jsonrpc: "2.0", id: question, result: { roots } });
    }
    const heard = JSON.stringify((await second.call(id, ADA, "history")).result);
    expect(heard).toContain("in time");
    expect(heard).not.toContain("too late");
  },
);

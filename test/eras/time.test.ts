// Behaviour as time passes, with a clock of the test's own or an interval of milliseconds.
import { afterEach, describe, expect, test } from "bun:test";
import { createPatience } from "../../src/eras/patience.ts";
import { createPostResponse, type PostResponseOptions } from "../../src/eras/post-response.ts";
import { createEventStreams, type EventStreams } from "../../src/eras/streams/event-stream.ts";
import { createExpiryAlarm } from "../../src/eras/streams/expiry-alarm.ts";
import { createSessions, type HttpSession, SESSION_IDLE } from "../../src/eras/sessions.ts";
import { isEventStream, readEvents, readTexts, until, within } from "./wire.ts";

const ME = { key: "me", isValid: () => true };
const YOU = { key: "you", isValid: () => true };
const opened: EventStreams[] = [];
afterEach(() => opened.splice(0).forEach((streams) => streams.close()));

function openStreams(keepAlive = 1_000_000): EventStreams {
  const streams = createEventStreams({ keepAlive });
  opened.push(streams);
  return streams;
}

describe("an idle session", () => {
  const MINUTE = 60_000;
  function setUp() {
    let now = 0;
    let ids = 0;
    const ended: string[] = [];
    const sessions = createSessions<HttpSession>({
      now: () => now,
      random: () => Buffer.from([++ids]),
      idle: SESSION_IDLE,
    });
    const add = (isConnected: () => boolean = () => false) => {
      const id = sessions.newId();
      const isAtWork = () => false;
      sessions.add({ id, callerKey: "me", isConnected, isAtWork, close: () => ended.push(id) });
      return id;
    };
    const wait = (minutes: number) => {
      now += minutes * MINUTE;
      sessions.reap();
    };
    return { sessions, ended, add, wait };
  }

  test("is ended a quarter of an hour after its last use, and is forgotten", () => {
    const { sessions, ended, add, wait } = setUp();
    const [used, unused] = [add(), add()];
    wait(10);
    expect(sessions.find(used, ME)).toBeDefined();
    wait(6);
    expect([ended, sessions.find(unused, ME)]).toEqual([[unused], undefined]);
    wait(10);
    expect(ended).toEqual([unused, used]);
  });

  test("is not idle while a call or stream is open; its time starts at their end", () => {
    let busy = true;
    const { ended, add, wait } = setUp();
    add(() => busy);
    wait(100);
    busy = false;
    wait(14);
    expect(ended).toEqual([]);
    wait(2);
    expect(ended).toHaveLength(1);
  });

  test("is not kept alive by another person, for whom it does not exist", () => {
    const { sessions, ended, add, wait } = setUp();
    const id = add();
    wait(10);
    expect(sessions.find(id, YOU)).toBeUndefined();
    wait(6);
    expect(ended).toEqual([id]);
  });
});

describe("found 8: sessions of one principal", () => {
  const others = { key: "you", isValid: () => true };
  function setUp(most?: number) {
    let now = 0;
    const ended: string[] = [];
    const sessions = createSessions<HttpSession>({
      now: () => ++now,
      random: () => new Uint8Array(1),
      idle: 1_000_000,
      ...(most !== undefined && { most }),
    });
    const add = (id: string, more: Partial<HttpSession> = {}) => {
      const idle = { callerKey: "me", isConnected: () => false, isAtWork: () => false };
      const session = { id, ...idle, close: () => ended.push(id), ...more };
      const hasRoom = sessions.makeRoom(session.callerKey);
      if (hasRoom) sessions.add(session);
      return hasRoom;
    };
    const wait = (ms: number) => void (now += ms);
    return { sessions, ended, add, wait };
  }

  test("are a hundred; the one that was not used for the longest time makes room, and is forgotten", () => {
    const { sessions, ended, add } = setUp();
    add("of another", { callerKey: "you" });
    for (let count = 0; count < 100; count++) add(`${count}`);
    expect(ended).toEqual([]);
    sessions.find("0", ME);
    add("new");
    expect(ended).toEqual(["1"]);
    expect([sessions.find("1", ME), sessions.find("0", ME)?.id]).toEqual([undefined, "0"]);
    expect(sessions.find("of another", others)?.id).toBe("of another");
  });

  const HANGING = { isAtWork: () => true };
  const WORKING = { isConnected: () => true, isAtWork: () => true };

  test("with only an open stream end after the idle ones; those with calls stay, and then there is no room", () => {
    const { ended, add } = setUp(3);
    add("at work", WORKING);
    add("listening", { isConnected: () => true });
    add("idle");
    expect([add("a", WORKING), ended]).toEqual([true, ["idle"]]);
    expect([add("b", WORKING), ended]).toEqual([true, ["idle", "listening"]]);
    expect([add("c"), ended.length]).toEqual([false, 2]);
  });

  test("whose clients left while their calls hang make room, the longest abandoned first; recently used ones do not", () => {
    const { ended, add, wait } = setUp(2);
    add("left first", HANGING);
    wait(5_000);
    add("left", HANGING);
    expect([add("new"), ended]).toEqual([false, []]);
    wait(5_000);
    expect([add("new", HANGING), ended]).toEqual([true, ["left first"]]);
    expect([add("another"), ended.length]).toEqual([false, 1]);
  });

  test("whose client is gone while a call hangs ends an hour after its last use; not as long as a stream is open", () => {
    const { sessions, ended, add, wait } = setUp();
    add("left", HANGING);
    add("waiting", WORKING);
    wait(59 * 60_000);
    sessions.reap();
    expect(ended).toEqual([]);
    wait(2 * 60_000);
    sessions.reap();
    expect(ended).toEqual(["left"]);
  });

  test("are a thousand where callers are indistinguishable", () => {
    const { ended, add } = setUp();
    for (let count = 0; count < 1_000; count++) add(`${count}`, { callerKey: "" });
    expect(ended).toEqual([]);
    add("new", { callerKey: "" });
    expect(ended).toEqual(["0"]);
  });
});

describe("a silent stream", () => {
  test("carries a comment now and then", async () => {
    const { response } = openStreams(10).open(ME, () => {});
    const events = readEvents(response);
    const seen = [1, 2, 3].map(async () => (await within(events.next(), "a comment")).value);
    expect(await Promise.all(seen)).toEqual([
      { event: ":", data: "open" },
      { event: ":", data: "keep-alive" },
      { event: ":", data: "keep-alive" },
    ]);
  });

  test("ends soon after its caller's credential does", async () => {
    let valid = true;
    const streams = openStreams(10);
    const closed = Promise.withResolvers<void>();
    const { response } = streams.open({ key: "me", isValid: () => valid }, closed.resolve);
    const texts = readTexts(response);
    valid = false;
    await within(closed.promise, "the end");
    expect(await texts).toEqual([]);
  });

  test("ends at once when its credential is rechecked, and the others do not", async () => {
    let ended = 0;
    const streams = openStreams();
    streams.open({ key: "me", isValid: () => false }, () => ended++);
    streams.open(YOU, () => (ended += 10));
    streams.endUnallowed();
    expect(ended).toBe(1);
  });
});

describe("found 43: streams and calls of a credential that expires", () => {
  test("end at that moment, each at its own, with no comment due", async () => {
    const streams = openStreams();
    const ends: string[] = [];
    const open = (name: string, ms: number) => {
      const expiresAt = Date.now() + ms;
      const closed = Promise.withResolvers<void>();
      streams.open({ key: name, expiresAt, isValid: () => Date.now() < expiresAt }, () => {
        ends.push(name);
        closed.resolve();
      });
      return closed.promise;
    };
    void open("in two months", 60 * 86_400_000);
    const late = open("late", 120);
    const early = open("early", 40);
    await within(Promise.all([early, late]), "the ends");
    expect(ends).toEqual(["early", "late"]);
  });

  test("do not end because the clock was set forward and back meanwhile, nor before their time", async () => {
    let now = 0;
    let asked = 0;
    const rung: number[] = [];
    const looked = Promise.withResolvers<void>();
    const alarm = createExpiryAlarm({
      now() {
        if (++asked === 3) looked.resolve();
        return now;
      },
      ring(at) {
        rung.push(at);
        return undefined;
      },
    });
    now = 1_000;
    alarm.expect(1_010);
    now = 1_005;
    // It is looked at the clock again and again, which stands still.
    await within(looked.promise, "a look at the clock");
    expect(rung).toEqual([]);
    now = 2_000;
    await until("it rings", () => rung.length === 1);
    alarm.close();
  });

  test("wait without polling, however far away the end is", async () => {
    let looks = 0;
    const rung = Promise.withResolvers<void>();
    const now = () => (++looks, Date.now());
    const ring = () => (rung.resolve(), undefined);
    const far = createExpiryAlarm({ now, ring });
    const near = createExpiryAlarm({ now: Date.now, ring });
    far.expect(Date.now() + 2 ** 31 + 1_000);
    near.expect(Date.now() + 50);
    await within(rung.promise, "the near one");
    expect(looks).toBe(1);
    far.close();
    near.close();
  });
});

describe("found 43: after the end of a credential", () => {
  const MINUTE = 60_000;
  const END = 10 * MINUTE;
  /** A credential, streams, and a clock that they are looked at by. */
  function setUp() {
    const clock = { now: 0 };
    const now = () => clock.now;
    const revoked = new Set<string>();
    const streams = createEventStreams({ keepAlive: 1_000_000, now });
    opened.push(streams);
    let unread = 0;
    const counted = streams.countedBy((change) => (unread += change));
    const untilRead = () => until("it is read", () => unread === 0);
    const me = (grantId = "g", expiresAt = END) => ({
      key: "me",
      principal: { subject: "me", clientId: "c", grantId, scopes: [] },
      expiresAt,
      isValid: () => clock.now < expiresAt && !revoked.has(grantId),
      refuse: () => new Response(null, { status: 401 }),
    });
    const at = (minutes: number) => {
      clock.now = minutes * MINUTE;
      streams.endUnallowed();
    };
    const revoke = (grantId: string) => {
      revoked.add(grantId);
      streams.endUnallowed(grantId);
    };
    return { streams: counted, me, at, revoke, now, untilRead };
  }

  async function drain(body: Exclude<Response["body"], null>): Promise<string> {
    try {
      return await new Response(body).text();
    } catch {
      return "cut off";
    }
  }
  const ANSWER = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}');
  const LINE = Buffer.from('{"jsonrpc":"2.0","method":"notifications/message"}');
  const PROGRESS = Buffer.from('{"jsonrpc":"2.0","method":"notifications/progress"}');

  test("the stream of a call carries its own messages for five minutes, and none that only may be its own", async () => {
    const { streams, me, at, now } = setUp();
    const aside: string[] = [];
    const { response, responder } = createPostResponse({
      streams,
      caller: me(),
      expected: 1,
      batch: false,
      patience: createPatience(1_000_000),
      now,
      sendUnrelated: (message) => aside.push(Buffer.from(message).toString()),
    });
    responder.notify(LINE, true);
    const seen = readTexts(await response);
    at(14.9);
    responder.notify(LINE, true);
    responder.notify(PROGRESS);
    responder.respond(ANSWER);
    expect(await seen).toEqual([LINE, PROGRESS, ANSWER].map(String));
    expect(aside).toEqual([LINE.toString()]);
  });

  test("it ends after these, and at once when its grant is revoked", async () => {
    for (const isRevoked of [false, true]) {
      const { streams, me, at, revoke, now, untilRead } = setUp();
      const caller = me();
      const options = {
        streams,
        caller,
        expected: 1,
        batch: false,
        patience: createPatience(1_000_000),
        now,
      };
      let ended = 0;
      const { response, responder } = createPostResponse({ ...options, closed: () => ended++ });
      responder.notify(PROGRESS);
      const seen = readTexts(await response);
      await untilRead();
      at(14);
      expect(ended).toBe(0);
      if (isRevoked) revoke("g");
      else at(15);
      expect(ended).toBe(1);
      responder.respond(ANSWER);
      expect(await seen).toEqual([PROGRESS.toString()]);
    }
  });

  test("a plain answer is sent in full; a revocation cuts it", async () => {
    const { streams, me, at, revoke } = setUp();
    const big = Buffer.alloc(1024 * 1024, "x");
    at(11);
    const [whole, cut] = ["g", "h"].map((grant) => streams.answer(me(grant), big).body!);
    at(100);
    revoke("h");
    expect([(await drain(whole!)).length, await drain(cut!)]).toEqual([big.length, "cut off"]);
  });

  test("a stream that waits for a new credential carries answers of earlier calls, and afterwards everything it has kept", async () => {
    const { streams, me, at, untilRead } = setUp();
    let ended = 0;
    const stream = streams.open(me(), () => ended++, { lasts: 15 * MINUTE, waits: true });
    const events = readEvents(stream.response);
    const next = async () => (await within(events.next(), "an event")).value?.data;
    expect(await next()).toBe("open");
    at(11);
    stream.send(LINE);
    stream.sendOwn(ANSWER);
    expect(await next()).toBe(ANSWER.toString());
    at(15);
    stream.sendOwn(PROGRESS);
    at(24);
    expect(ended).toBe(0);
    stream.renew(me("g", 60 * MINUTE));
    expect([await next(), await next()]).toEqual([LINE, PROGRESS].map(String));
    const last = events.next();
    await untilRead();
    at(60);
    stream.send(LINE);
    at(75);
    expect(ended).toBe(1);
    stream.renew(me("g", 200 * MINUTE));
    expect((await last).done).toBeTrue();
  });

  test("a client that accepts JSON only waits as long, and is refused then", async () => {
    const { streams, me } = setUp();
    let cancelled = 0;
    const { response } = createPostResponse({
      streams,
      expected: 1,
      batch: false,
      patience: createPatience(1),
      isPlain: true,
      caller: me("g", Date.now() - 5 * MINUTE + 20),
      cancel: () => cancelled++,
    });
    expect([(await within(response, "the refusal")).status, cancelled]).toEqual([401, 1]);
  });

  test("only expired credentials are checked", async () => {
    const streams = openStreams();
    let looks = 0;
    const ends = Array.from({ length: 50 }, (_, index) => {
      const expiresAt = Date.now() + 20 + 2 * index;
      const closed = Promise.withResolvers<void>();
      const isValid = () => (looks++, Date.now() < expiresAt);
      streams.open({ key: "me", expiresAt, isValid }, closed.resolve);
      return closed.promise;
    });
    await within(Promise.all(ends), "the ends");
    // Once when one is to end, and once more to know why.
    expect(looks).toBeLessThanOrEqual(4 * ends.length);
  });
});

describe("an answer that takes long", () => {
  const exchange = (more: Partial<PostResponseOptions>) =>
    createPostResponse({
      streams: openStreams(),
      caller: ME,
      expected: 1,
      batch: false,
      headers: { "mcp-session-id": "s" },
      patience: createPatience(1),
      ...more,
    });
  const ANSWER = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}');

  test("has its headers sent before it is known, and then comes as an event", async () => {
    const { response, responder } = exchange({});
    const early = await within(response, "the headers");
    expect([isEventStream(early), early.headers.get("mcp-session-id")]).toEqual([true, "s"]);
    responder.respond(ANSWER);
    expect(await readTexts(early)).toEqual([ANSWER.toString()]);
  });

  test("comes with the earlier answers of its batch", async () => {
    const { response, responder } = exchange({ expected: 2, batch: true });
    responder.respond(ANSWER);
    const early = await within(response, "the headers");
    responder.respond(ANSWER);
    expect(await readTexts(early)).toHaveLength(2);
  });

  test("is waited for in silence when the client accepts JSON only", async () => {
    const { response, responder } = exchange({ isPlain: true });
    expect(await Promise.race([response, Bun.sleep(50)])).toBeUndefined();
    responder.respond(ANSWER);
    expect(await (await response).text()).toBe(ANSWER.toString());
  });
});

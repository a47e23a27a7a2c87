// What happens because time passes, with a clock of the test's own or an interval of milliseconds.
import { afterEach, describe, expect, test } from "bun:test";
import { createExchange, type ExchangeOptions } from "../../src/eras/exchange.ts";
import { createEventStreams, type EventStreams } from "../../src/eras/event-stream.ts";
import { createSessions, type Session } from "../../src/eras/sessions.ts";
import { isEventStream, readEvents, readTexts, within } from "./wire.ts";

const ME = { principal: "me", isValid: () => true };
const YOU = { principal: "you", isValid: () => true };
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
    const sessions = createSessions<Session>({
      now: () => now,
      random: () => Buffer.from([++ids]),
      idle: 15 * MINUTE,
    });
    const add = (isBusy: () => boolean = () => false) => {
      const id = sessions.newId();
      sessions.add({ id, principal: "me", isBusy, close: () => ended.push(id) });
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

  test("is none while something is going on; the time counts from then", () => {
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

  test("is not kept alive by somebody else, to whom it does not exist", () => {
    const { sessions, ended, add, wait } = setUp();
    const id = add();
    wait(10);
    expect(sessions.find(id, YOU)).toBeUndefined();
    wait(6);
    expect(ended).toEqual([id]);
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
    const { response } = streams.open({ principal: "me", isValid: () => valid }, closed.resolve);
    const texts = readTexts(response);
    valid = false;
    await within(closed.promise, "the end");
    expect(await texts).toEqual([]);
  });

  test("ends at once when asked to look, and the others do not", async () => {
    let ended = 0;
    const streams = openStreams();
    streams.open({ principal: "me", isValid: () => false }, () => ended++);
    streams.open(YOU, () => (ended += 10));
    streams.recheck();
    expect(ended).toBe(1);
  });
});

describe("an answer that takes long", () => {
  const exchange = (more: Partial<ExchangeOptions>) =>
    createExchange({
      streams: openStreams(),
      caller: ME,
      expected: 1,
      batch: false,
      headers: { "mcp-session-id": "s" },
      patience: 1,
      ...more,
    });
  const ANSWER = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}');

  test("gets its headers before it is there, and then comes as an event", async () => {
    const { response, outlet } = exchange({});
    const early = await within(response, "the headers");
    expect([isEventStream(early), early.headers.get("mcp-session-id")]).toEqual([true, "s"]);
    outlet.finish(ANSWER);
    expect(await readTexts(early)).toEqual([ANSWER.toString()]);
  });

  test("takes along what was already answered of its batch", async () => {
    const { response, outlet } = exchange({ expected: 2, batch: true });
    outlet.finish(ANSWER);
    const early = await within(response, "the headers");
    outlet.finish(ANSWER);
    expect(await readTexts(early)).toHaveLength(2);
  });

  test("is waited for in silence when the client takes nothing but JSON", async () => {
    const { response, outlet } = exchange({ aside: () => {} });
    expect(await Promise.race([response, Bun.sleep(50)])).toBeUndefined();
    outlet.finish(ANSWER);
    expect(await (await response).text()).toBe(ANSWER.toString());
  });
});

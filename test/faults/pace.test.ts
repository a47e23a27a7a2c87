// Bodies that are sent at the reader's pace, and the end of readers that stall.
import { afterEach, expect, test } from "bun:test";
import { createEventStreams, type EventStreams } from "../../src/eras/streams/event-stream.ts";
import { within } from "../eras/wire.ts";

const MB = 1024 * 1024;
const ME = { key: "me", isValid: () => true };
const opened: EventStreams[] = [];
afterEach(() => opened.splice(0).forEach((streams) => streams.close()));

function setUp(keepAlive = 1_000_000) {
  const stalled = Promise.withResolvers<void>();
  const streams = createEventStreams({ keepAlive, stalled: stalled.resolve });
  opened.push(streams);
  const count = { unread: 0 };
  const counted = streams.countedBy((change) => (count.unread += change));
  return { streams, counted, count, stalled: () => within(stalled.promise, "the cut") };
}

const bodyOf = ({ body }: Response) => new Response(body as ReadableStream<Uint8Array>).body!.getReader();

/** How a body ends that is read on. */
async function endOf(reader: { read(): Promise<{ done: boolean }> }): Promise<"whole" | "cut off"> {
  try {
    while (!(await reader.read()).done);
    return "whole";
  } catch {
    return "cut off";
  }
}

test("a chunk counts as unread until the next one is pulled", async () => {
  const { counted, count } = setUp();
  const reader = bodyOf(counted.answer(ME, Buffer.alloc(10 * MB)));
  expect(count.unread).toBe(10 * MB);
  let length = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    length += piece.value.length;
    expect(count.unread).toBeGreaterThanOrEqual(10 * MB - length);
  }
  expect([length, count.unread]).toEqual([10 * MB, 0]);
});

test("a client that reads nothing is disconnected after a while and no longer counts; one that waits for events is not", async () => {
  const { counted, count, stalled } = setUp(10);
  const waiting = counted.open(ME, () => {});
  const news = waiting.response.body!.getReader();
  await news.read();
  const deaf = bodyOf(counted.answer(ME, Buffer.alloc(MB)));
  expect(count.unread).toBeGreaterThanOrEqual(MB);
  const comment = news.read();
  await stalled();
  expect(await endOf(deaf)).toBe("cut off");
  expect(count.unread).toBeLessThan(100);
  expect((await comment).done).toBeFalse();
});

test("a slow client is not a stalled one", async () => {
  const { counted, count } = setUp(5);
  const reader = bodyOf(counted.answer(ME, Buffer.alloc(4 * MB)));
  let length = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    length += piece.value.length;
    await Bun.sleep(8);
  }
  expect([length, count.unread]).toEqual([4 * MB, 0]);
});

test("unread events are not delivered once the client's credential has ended", async () => {
  let valid = true;
  const { streams, counted, count } = setUp();
  const me = { key: "me", isValid: () => valid };
  const reader = bodyOf(counted.answer(me, Buffer.alloc(10 * MB)));
  await reader.read();
  valid = false;
  streams.endUnallowed();
  expect(await endOf(reader)).toBe("cut off");
  expect(count.unread).toBe(0);
});

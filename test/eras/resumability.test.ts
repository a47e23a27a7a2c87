// Streams that outlive their connection: 2025-11-25, "Resumability and Redelivery".
import { describe, expect, test } from "bun:test";
import { createSessionStreams } from "../../src/eras/2025-streamable-http/session-streams.ts";
import { createEventStreams } from "../../src/eras/streams/event-stream.ts";
import { createRetention } from "../../src/eras/streams/retention.ts";

const ME = { key: "me", isValid: () => true };
const bytes = (text: string) => Buffer.from(text);

function setUp(options: { primes?: boolean; limit?: number } = {}) {
  const streams = createEventStreams({ keepAlive: 1_000_000 });
  return createSessionStreams({ streams, primes: false, ...options });
}

/** Reads events until `count` of them have come; leaves the connection as a client does that is cut off. */
async function readEvents(response: Response, count: number): Promise<{ id: string; data: string }[]> {
  const reader = response.body!.getReader();
  let text = "";
  const events = () =>
    text
      .split("\n\n")
      .slice(0, -1)
      .filter((event) => !event.startsWith(":"))
      .map((event) => ({
        id: /^id: (.*)$/m.exec(event)?.[1] ?? "",
        data: /^data: ?(.*)$/m.exec(event)?.[1] ?? "",
      }));
  while (events().length < count) {
    const { value, done } = await reader.read();
    if (done) break;
    text += Buffer.from(value).toString();
  }
  await reader.cancel();
  return events();
}

describe("a stream of a session", () => {
  test("goes on after the last event a client has seen, with missed and new events", async () => {
    const session = setUp();
    const stream = session.open(ME, () => {});
    stream.send(bytes("one"));
    stream.send(bytes("two"));
    const seen = await readEvents(stream.response, 1);
    stream.send(bytes("three"));
    const resumed = session.resume(ME, seen[0]!.id)!;
    stream.send(bytes("four"));
    const rest = await readEvents(resumed, 3);
    expect(rest.map(({ data }) => data)).toEqual(["two", "three", "four"]);
    expect(new Set([...seen, ...rest].map(({ id }) => id)).size).toBe(4);
  });

  test("is delivered in full when it ended while no client listened", async () => {
    const session = setUp();
    const stream = session.open(ME, () => {});
    stream.send(bytes("one"));
    const [first] = await readEvents(stream.response, 1);
    stream.send(bytes("answer"));
    stream.end();
    const text = await session.resume(ME, first!.id)!.text();
    expect(text).toContain("data: answer");
  });

  test("begins with an id to resume from where the revision has that", async () => {
    const session = setUp({ primes: true });
    const [primer] = await readEvents(session.open(ME, () => {}).response, 1);
    expect(primer).toEqual({ id: "1_0", data: "" });
    expect(session.resume(ME, primer!.id)).toBeDefined();
  });

  test("found 26: never hides a gap once its call has ended; while it runs, the answer matters more", async () => {
    const session = setUp({ limit: 10 });
    const stream = session.open(ME, () => {});
    stream.send(bytes("12345"));
    const [first] = await readEvents(stream.response, 1);
    stream.send(bytes("123456"));
    stream.send(bytes("123457"));
    const seen = readEvents(session.resume(ME, first!.id)!, 2);
    stream.send(bytes("12"));
    expect((await seen).map(({ data }) => data)).toEqual(["123457", "12"]);
    stream.end();
    expect(session.resume(ME, first!.id)).toBeUndefined();
  });

  test("has sixteen connections at most; one more is refused, and no other ends", async () => {
    const { standalone } = setUp();
    const responses = Array.from({ length: 16 }, () => standalone.connect(ME, null)!);
    expect(standalone.connect(ME, null)).toBeUndefined();
    standalone.send(bytes("news"));
    expect((await readEvents(responses.at(-1)!, 1)).map(({ data }) => data)).toEqual(["news"]);
    // That one has gone now, and its neighbour goes on for it.
    expect((await readEvents(responses.at(-2)!, 1)).map(({ data }) => data)).toEqual(["news"]);
    expect(standalone.connect(ME, null)).toBeDefined();
  });

  test("goes on after one of its events, and restarts where it would have to hide a gap", async () => {
    const { standalone } = setUp({ limit: 10 });
    const seen = readEvents(standalone.connect(ME, null)!, 1);
    standalone.send(bytes("12345"));
    const [first] = await seen;
    standalone.send(bytes("12346"));
    const back = readEvents(standalone.connect(ME, first!.id)!, 1);
    expect((await back).map(({ data }) => data)).toEqual(["12346"]);
    for (const text of ["12347", "12348"]) standalone.send(bytes(text));
    const anew = readEvents(standalone.connect(ME, first!.id)!, 1);
    standalone.send(bytes("12349"));
    expect((await anew).map(({ data }) => data)).toEqual(["12349"]);
  });

  test("begins with the event that the client has, so that a cut at once loses nothing", async () => {
    const { standalone } = setUp({ primes: true });
    const seen = readEvents(standalone.connect(ME, null)!, 2);
    standalone.send(bytes("one"));
    const [, one] = await seen;
    standalone.send(bytes("two"));
    const [primer, two] = await readEvents(standalone.connect(ME, one!.id)!, 2);
    expect([primer, two!.data]).toEqual([{ id: one!.id, data: "" }, "two"]);
  });
});

test("found 8: the end of a session releases everything kept for it", () => {
  const retention = createRetention();
  const streams = createEventStreams({ keepAlive: 1_000_000 });
  const session = createSessionStreams({ streams, primes: true, retention, callerKey: "me" });
  session.open(ME, () => {}).send(bytes("kept"));
  session.standalone.send(bytes("kept, too"));
  expect(retention.bytes).toBeGreaterThan(12);
  session.standalone.close();
  expect(retention.bytes).toBe(0);
});

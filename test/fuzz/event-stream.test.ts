// The writer of event streams: whatever is sent, however it is read, arrives as it was sent, and all of it is counted.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { createEventStreams } from "../../src/eras/streams/event-stream.ts";
import { readEvents } from "../eras/wire.ts";
import { BUDGET } from "./budget.ts";

const ME = { key: "me", isValid: () => true };

/** A message is one line of JSON; what is in its strings may be anything. */
const message = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.nat(600_000).map((length) => "x".repeat(length)),
    fc.constantFrom(
      "data: x",
      "\r\n\r\n",
      "\n",
      ": comment",
      "id: 7",
      "event: endpoint",
      "\u2028",
      "\ufeff",
      "\0",
    ),
  )
  .map((text) => JSON.stringify(text.toWellFormed()));

const step = fc.oneof(
  { weight: 5, arbitrary: message.map((text) => ({ send: text })) },
  { weight: 1, arbitrary: fc.nat(4).map((turns) => ({ wait: turns })) },
);

test("every message arrives once, in order, as it was; nothing stays counted", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.boolean(), async (steps, numbered) => {
      let unread = 0;
      const streams = createEventStreams({ keepAlive: 1_000_000 });
      const count = (change: number) => {
        unread += change;
        expect(unread).toBeGreaterThanOrEqual(0);
      };
      const stream = streams.countedBy(count).open(ME, () => {});
      const reading = Array.fromAsync(readEvents(stream.response));
      const sent: { data: string; id: string | undefined }[] = [];
      for (const one of steps) {
        if ("wait" in one) for (let turn = 0; turn < one.wait; turn++) await Promise.resolve();
        else {
          const id = numbered ? `1_${sent.length + 1}` : undefined;
          sent.push({ data: one.send, id });
          stream.send(Buffer.from(one.send), id);
        }
      }
      stream.end();
      const got = (await reading).filter(({ event }) => event === "message");
      expect(got.map(({ data, id }) => ({ data, id }))).toEqual(sent);
      expect(unread).toBe(0);
      streams.close();
    }),
    BUDGET,
  );
});

test("a reader that goes at any moment leaves nothing counted", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 8 }), fc.nat(6), async (messages, reads) => {
      let unread = 0;
      const streams = createEventStreams({ keepAlive: 1_000_000 });
      const closed = Promise.withResolvers<void>();
      const stream = streams.countedBy((change) => (unread += change)).open(ME, closed.resolve);
      const reader = stream.response.body!.getReader();
      for (const text of messages) stream.send(Buffer.from(text));
      for (let read = 0; read < Math.min(reads, messages.length); read++) {
        const { done } = await Promise.race([reader.read(), Promise.resolve({ done: true })]);
        if (done) break;
      }
      await reader.cancel();
      await closed.promise;
      stream.send(Buffer.from("late"));
      expect(unread).toBe(0);
      streams.close();
    }),
    BUDGET,
  );
});

// Bytes become lines: the same lines, however the pipe has cut the bytes.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { createLineReader } from "../../src/child/line-reader.ts";

interface Seen {
  lines: string[];
  oversize: { length: number; head: string; tail: string }[];
}

function read(chunks: readonly Uint8Array[], limit = 1024): Seen {
  const seen: Seen = { lines: [], oversize: [] };
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  const reader = createLineReader({
    limit,
    line: (line) => seen.lines.push(text(line)),
    oversize: (length, head, tail) => seen.oversize.push({ length, head: text(head), tail: text(tail) }),
  });
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return seen;
}

describe("lines", () => {
  const text = Buffer.from('{"a":"grün 🦊"}\n\n{"b":"\\n"}\r\nlast');

  test("end at a line feed, with or without a carriage return; empty ones are none, the last needs no end", () => {
    expect(read([text]).lines).toEqual(['{"a":"grün 🦊"}', '{"b":"\\n"}', "last"]);
  });

  test("are the same when the bytes are split at every place, characters included", () => {
    const whole = read([text]);
    for (let at = 0; at <= text.length; at++)
      expect(read([text.subarray(0, at), text.subarray(at)])).toEqual(whole);
    expect(read([...text].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
  });

  test("are the same however they are cut, long ones too", () => {
    const line = fc.string({ unit: fc.constantFrom("a", "ä", "🦊", "\r", " "), maxLength: 60 });
    const cuts = fc.array(fc.nat(400), { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 8 }),
        cuts,
        fc.constantFrom(16, 64, 1024),
        (lines, cuts, limit) => {
          const bytes = Buffer.from(lines.join("\n"));
          const places = [...cuts.filter((cut) => cut < bytes.length), bytes.length].toSorted(
            (a, b) => a - b,
          );
          const chunks = places.map((place, index) => bytes.subarray(places[index - 1] ?? 0, place));
          // What is known of a line that is too long depends on the cuts when the limit is tiny.
          const summary = ({ lines, oversize }: Seen) => [lines, oversize.map(({ length }) => length)];
          expect(summary(read(chunks, limit))).toEqual(summary(read([bytes], limit)));
        },
      ),
    );
  });
});

describe("a line over the limit", () => {
  test("is told by its length and both ends, and the lines around it pass", () => {
    const long = `head${"x".repeat(5_000)}tail`;
    const { lines, oversize } = read([Buffer.from(`before\n${long}\nafter\n`)]);
    expect(lines).toEqual(["before", "after"]);
    expect(oversize).toHaveLength(1);
    expect(oversize[0]?.length).toBe(5_008);
    expect(oversize[0]?.head).toStartWith("headxxx");
    expect(oversize[0]?.tail).toEndWith("xxxtail");
  });

  test("a line of exactly the limit is kept", () => {
    expect(read([Buffer.from("12345678\n")], 8).lines).toEqual(["12345678"]);
    expect(read([Buffer.from("123456789\n")], 8).oversize).toHaveLength(1);
  });

  test("costs no more memory than the limit, and time in proportion to its length", () => {
    const limit = 64 * 1024;
    const chunk = Buffer.alloc(64 * 1024, "x");
    let length = 0;
    const reader = createLineReader({ limit, line: () => {}, oversize: (seen) => (length = seen) });
    const before = process.memoryUsage().rss;
    for (let sent = 0; sent < 8_192; sent++) reader.push(chunk);
    reader.push(Buffer.from("\n"));
    expect(length).toBe(512 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });
});

// A body or a line as JSON-RPC messages, and what is changed in them.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { findMember, readMessages, rawParam, stringParam, type Message } from "../../src/frame/message.ts";
import { splice } from "../../src/frame/splice.ts";

function readOne(json: string): Message {
  const reading = readMessages(Buffer.from(json));
  if (!("messages" in reading) || reading.messages[0] === undefined) throw new Error(`no message: ${json}`);
  return reading.messages[0];
}

const text = ({ bytes }: Message) => Buffer.from(bytes).toString();

describe("what a message is", () => {
  test.each([
    ['{"jsonrpc":"2.0","id":1,"method":"m"}', "request", "1", "m"],
    ['{"method":"m","params":[],"id":"a","jsonrpc":"2.0"}', "request", '"a"', "m"],
    ['{"jsonrpc":"2.0","id":-1.5e3,"method":"a\\u0062"}', "request", "-1.5e3", "ab"],
    ['{"jsonrpc":"2.0","method":"m","params":{}}', "notification", "", "m"],
    ['{"jsonrpc":"2.0","id":1,"result":null}', "result", "1", ""],
    ['{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}', "error", "1", ""],
    ['{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}', "error", "null", ""],
    ['{"jsonrpc":"2.0","error":{"code":1,"message":""}}', "error", "", ""],
    ['{"\\u006asonrpc":"2.0","\\u0069d":1,"m\\u0065thod":"m"}', "request", "1", "m"],
  ])("%s is a %s", (json, kind, id, method) => {
    expect(readOne(json)).toMatchObject({ kind, id, method });
  });

  test("a member whose name only looks like an id is none", () => {
    expect(readOne('{"jsonrpc":"2.0","\ufeffid":1,"method":"m"}').kind).toBe("notification");
    expect(readOne('{"jsonrpc":"2.0","identity":1,"method":"m"}').kind).toBe("notification");
  });

  test("a batch is its messages, each with its own bytes", () => {
    const reading = readMessages(
      Buffer.from(' [ {"jsonrpc":"2.0","id":1,"method":"a"} ,{"jsonrpc":"2.0","method":"b"}]\n'),
    );
    if (!("messages" in reading)) throw new Error("no batch");
    expect([reading.batch, reading.messages.map(text)]).toEqual([
      true,
      ['{"jsonrpc":"2.0","id":1,"method":"a"}', '{"jsonrpc":"2.0","method":"b"}'],
    ]);
  });
});

test("line ends between tokens become spaces, so that every message fits on a line; in strings they are escaped and stay", () => {
  const message = { jsonrpc: "2.0", id: 1, method: "m", params: { text: "a\r\nb\u2028" } };
  for (const lineEnd of ["\n", "\r\n", "\r"]) {
    const read = readOne(JSON.stringify(message, null, 2).replaceAll("\n", lineEnd));
    expect(text(read)).not.toMatch(/[\r\n]/);
    expect(JSON.parse(text(read))).toEqual(message);
  }
});

describe("a parameter", () => {
  const message = readOne(
    '{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":{"b":"\\u0063","n":1.0},"a2":[{"b":1}],"t":{"x":1,"x":2}}}',
  );

  test("is found by its path, as it was written", () => {
    expect([
      stringParam(message, "a", "b"),
      rawParam(message, "a", "b"),
      rawParam(message, "a", "n"),
    ]).toEqual(["c", '"\\u0063"', "1.0"]);
  });

  test("is not found where a step is missing, is no object, or holds a key twice", () => {
    for (const path of [
      ["x"],
      ["a", "x"],
      ["a", "b", "c"],
      ["a2", "0"],
      ["t", "x"],
      ["__proto__"],
      ["constructor"],
    ])
      expect(findMember(message, message.paramsAt, ...path)).toBeUndefined();
    expect(stringParam(message, "a", "n")).toBeUndefined();
  });
});

test("a splice changes its places and nothing else", () => {
  const edit = fc.tuple(fc.nat(20), fc.nat(5), fc.string({ maxLength: 5 }));
  fc.assert(
    fc.property(
      fc.array(edit, { maxLength: 5 }),
      fc.string({ unit: "grapheme", maxLength: 60 }),
      (steps, rest) => {
        // Places that lie apart, each a step behind the last one.
        let from = 0;
        const edits = steps.map(([gap, length, text]) => {
          const start = from + gap;
          from = start + length + 1;
          return { at: { start, end: start + length }, text };
        });
        const bytes = Buffer.concat([Buffer.alloc(from, "x"), Buffer.from(rest)]);
        let expected = bytes.toString("latin1");
        for (const { at, text } of edits.toReversed())
          expected =
            expected.slice(0, at.start) + Buffer.from(text).toString("latin1") + expected.slice(at.end);
        expect(Buffer.from(splice(bytes, edits)).toString("latin1")).toBe(expected);
      },
    ),
  );
});

// An answer that is not read is understood as it would be if it were.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { findAnswerId, idInExcerpts, isToolError } from "../../src/frame/answer.ts";
import { readErrorCode, readMessages } from "../../src/frame/message.ts";

const bytes = (text: string) => Buffer.from(text);

test.each([
  '{"jsonrpc":"2.0","id":12,"result":{}}',
  '{"result":{"content":[]},"jsonrpc":"2.0","id":12}',
  '{"result":{"content":[]},"id":12,"jsonrpc":"2.0"}',
  '{"id":12,"jsonrpc":"2.0","result":"ü\\"}"}',
  ' { "jsonrpc" : "2.0" , "id" : 12 , "error" : { "code" : 1 , "message" : "" } } ',
  '{"jsonrpc":"2.0","result":[{"id":7}],"id":12}',
])("the id of %s is found", (text) => {
  const { start, end } = findAnswerId(bytes(text))!;
  expect(bytes(text).toString("utf8", start, end)).toBe("12");
});

test.each([
  '{"jsonrpc":"2.0","id":12,"method":"ping"}',
  '{"jsonrpc":"2.0","method":"ping","id":12}',
  '{"jsonrpc":"2.0","method":"notifications/progress","params":{"jsonrpc":"2.0","id":12}}',
  '{"jsonrpc":"2.0","id":"12","result":{}}',
  '{"jsonrpc":"2.0","id":12,"result":{},',
  '[{"jsonrpc":"2.0","id":12,"result":{}}]',
  '{"result":{"jsonrpc":"2.0","id":12}}',
  '{"id":12,"result":{}}',
  '{"jsonrpc":"2.0","id":12,"result":{"a":1}}{"jsonrpc":"2.0","id":13,"result":{"b":2}}',
  '{"result":{"a":1},"jsonrpc":"2.0","id":12}{"result":{"b":2},"jsonrpc":"2.0","id":13}',
  '{"jsonrpc":"2.0","id":12,"result":{"a":"torn {"jsonrpc":"2.0","id":13,"result":{}}"}}',
  '\ufeff{"jsonrpc":"2.0","id":12,"result":{}}',
  '{"jsonrpc":"2.0","id":\u00a012,"result":{}}',
  '{"result":{},"jsonrpc":"2.0","id":12\u2028}',
  "12",
  "",
])("%s has to be read", (text) => expect(findAnswerId(bytes(text))).toBeUndefined());

test("what lies between the ends is the client's to judge", () => {
  expect(findAnswerId(bytes('{"jsonrpc":"2.0","id":12,"result":{"mean":NaN}}'))).toEqual({
    start: 22,
    end: 24,
    isError: false,
  });
});

test("what is not UTF-8 has to be read", () => {
  expect(findAnswerId(Buffer.from('{"jsonrpc":"2.0","id":12,"result":"\xff"}', "latin1"))).toBeUndefined();
});

test("a carriage return between tokens becomes a space, as in what is read", () => {
  const line = bytes('{"jsonrpc":"2.0","id":12,\r"result":{}}');
  expect(findAnswerId(line)).toBeDefined();
  expect(line.includes("\r")).toBe(false);
});

describe("beside reading", () => {
  const answer = fc
    .record({
      members: fc.shuffledSubarray(["jsonrpc", "id", "outcome", "extra"], { minLength: 3 }),
      id: fc.nat(),
      outcome: fc.constantFrom("result", "error", "method"),
      value: fc.jsonValue(),
      space: fc.constantFrom("", " ", "  ", "\t"),
    })
    .map(({ members, id, outcome, value, space }) => {
      const texts: Record<string, string> = {
        jsonrpc: '"jsonrpc":"2.0"',
        id: `"id":${space}${id}`,
        outcome: `"${outcome}":${JSON.stringify(value)}`,
        extra: `"extra":${JSON.stringify(value)}`,
      };
      return `{${members.map((name) => texts[name]).join(`${space},${space}`)}}`;
    });

  test("the same place is found, and only in answers", () => {
    let found = 0;
    fc.assert(
      fc.property(answer, (text) => {
        const at = findAnswerId(bytes(text));
        if (at === undefined) return;
        const reading = readMessages(bytes(text));
        if ("fault" in reading) return;
        found++;
        const [message] = reading.messages;
        expect(["result", "error"]).toContain(message.kind);
        expect(at).toEqual({
          start: message.idAt!.start,
          end: message.idAt!.end,
          isError: message.kind === "error",
        });
      }),
      { numRuns: 3_000 },
    );
    expect(found).toBeGreaterThan(100);
  });
});

test("of an answer that is too large both ends are enough", () => {
  expect(idInExcerpts(bytes('{"jsonrpc":"2.0","id":5,"result":"aaa'), bytes('aaa"}'))).toBe("5");
  expect(idInExcerpts(bytes('{"result":"aaa'), bytes('aaa","jsonrpc":"2.0","id":5}'))).toBe("5");
  expect(idInExcerpts(bytes('{"result":"aaa'), bytes('aaa"}'))).toBeUndefined();
});

test.each([
  '{"jsonrpc":"2.0","id":12,"result":{"content":[],"isError":true}}',
  '{"result":{"content":[],"isError":true},"jsonrpc":"2.0","id":12}',
  '{ "result" : { "content" : [] , "isError" : true } , "id" : "a" , "jsonrpc" : "2.0" }',
  '{"jsonrpc":"2.0","id":"a","result":{"isError":true,"content":[]}}',
  `{"jsonrpc":"2.0","id":12,"result":{"content":[{"type":"text","text":"${"x".repeat(500)}"}],"isError":true}}`,
])("a tool has failed: %s", (text) => expect(isToolError(bytes(text))).toBeTrue());

test.each([
  '{"jsonrpc":"2.0","id":12,"result":{"content":[],"isError":false}}',
  '{"jsonrpc":"2.0","id":12,"result":{"content":[],"structuredContent":{"of":"a log","isError":true}}}',
  '{"jsonrpc":"2.0","id":12,"result":{"structuredContent":{"result":{"isError":true}},"content":[]}}',
  '{"jsonrpc":"2.0","id":12,"result":{"content":[{"type":"text","text":",\\"isError\\":true}}"}]}}',
])("a tool has not failed: %s", (text) => expect(isToolError(bytes(text))).toBeFalse());

test("the code of an error that was not read is found, and is NaN where there is none", () => {
  const error = '{"jsonrpc":"2.0","id":12,"error":{"message":"no","code":-32602}}';
  expect(readErrorCode(bytes(error))).toBe(-32602);
  expect(readErrorCode(bytes('{"jsonrpc":"2.0","id":12,"error":{}}'))).toBeNaN();
});

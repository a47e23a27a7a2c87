// How lists of tools are read, compared and kept; tested by themselves for what no well-behaved server sends.
import { describe, expect, test } from "bun:test";
import { createListReader, type ListSketch } from "../../../src/eras/freshness/list-sketch.ts";
import { readRecord, writeRecord } from "../../../src/eras/freshness/shown-tools.ts";
import { compareTools, isDifferent } from "../../../src/eras/freshness/tool-difference.ts";
import { explainGone } from "../../../src/eras/freshness/gone-tool.ts";
import { acknowledgeChanges, declareChanges } from "../../../src/eras/freshness/announcements.ts";

const page = (tools: unknown[], nextCursor?: string) =>
  Buffer.from(
    JSON.stringify({ jsonrpc: "2.0", id: 1, result: { tools, ...(nextCursor && { nextCursor }) } }),
  );

function sketch(
  ...pages: (readonly [cursor: string | undefined, page: Uint8Array])[]
): ListSketch | undefined {
  const reader = createListReader("tools");
  for (const [cursor, bytes] of pages) reader.add(cursor, bytes);
  return reader.sketch();
}

const sketchOf = (...tools: unknown[]) => sketch([undefined, page(tools)])!;
const schema = (properties: object, ...required: string[]) => ({
  inputSchema: { type: "object", properties, required },
});

describe("a difference", () => {
  const before = {
    name: "t",
    description: "d",
    ...schema({ a: { type: "string" }, b: { type: "number" } }, "a"),
  };
  const cases: Record<string, [now: object, words: string[]]> = {
    "an argument more": [
      schema({ a: { type: "string" }, b: { type: "number" }, limit: {} }, "a"),
      ['argument "limit" added'],
    ],
    "one less": [schema({ a: { type: "string" } }, "a"), ['argument "b" removed']],
    "what is required": [
      schema({ a: { type: "string" }, b: { type: "number" } }, "b"),
      ['argument "a" no longer required', 'argument "b" now required'],
    ],
    "a type": [schema({ a: { type: "string" }, b: { type: "integer" } }, "a"), ['argument "b" type changed']],
    "a type in other words": [
      schema({ a: { type: "string" }, b: { anyOf: [{ type: "number" }, { type: "null" }] } }, "a"),
      ['argument "b" type changed'],
    ],
    "the rest of the schema": [
      schema({ a: { type: "string", minLength: 1 }, b: { type: "number" } }, "a"),
      ["input schema changed"],
    ],
    "the description": [{ description: "e" }, ["description changed"]],
    annotations: [{ annotations: { readOnlyHint: true } }, ["annotations changed"]],
    "the output": [{ outputSchema: { type: "object" } }, ["output schema changed"]],
    "anything else": [{ title: "T" }, ["definition changed"]],
    "several things": [
      { description: "e", outputSchema: {} },
      ["description changed", "output schema changed"],
    ],
  };
  for (const [what, [now, words]] of Object.entries(cases)) {
    test(`in ${what}`, () => {
      const { changed, details } = compareTools(sketchOf(before), sketchOf({ ...before, ...now }));
      expect([changed, details]).toEqual([["t"], { t: words }]);
    });
  }

  test("is none in the order of tools or keys, nor in white space", () => {
    const text =
      '{"jsonrpc":"2.0","id":2,"result":{"tools":[ {"name":"b"},{"x": {"q":1, "p":2},"name" : "a"}]}}';
    const one = sketch([undefined, Buffer.from(text)])!;
    const other = sketchOf({ name: "a", x: { p: 2, q: 1 } }, { name: "b" });
    expect(one.digest).toBe(other.digest);
    expect(isDifferent(compareTools(one, other))).toBeFalse();
  });
});

describe("a list", () => {
  test("is read in pages, in whatever order they were fetched", () => {
    const pages = [
      [undefined, page([{ name: "a" }], "2")],
      ["2", page([{ name: "b" }], "3")],
      ["3", page([{ name: "c" }])],
    ] as const;
    const whole = sketch(...pages)!;
    expect([...whole.tools.keys()]).toEqual(["a", "b", "c"]);
    expect(whole.isComplete).toBeTrue();
    expect(sketch(pages[0], pages[2], pages[1])?.digest).toBe(whole.digest);
    const begun = sketch(pages[0])!;
    expect(begun.isComplete).toBeFalse();
    expect(compareTools(begun, whole)).toMatchObject({ added: [], removed: [], changed: [] });
    expect(compareTools(whole, begun)).toMatchObject({ added: [], removed: [], changed: [] });
  });

  test("of a cursor that leads to itself ends", () => {
    const loop = sketch([undefined, page([{ name: "a" }], "1")], ["1", page([{ name: "b" }], "1")]);
    expect([...(loop?.tools.keys() ?? [])]).toEqual(["a", "b"]);
  });

  test("that is too long, or no list, is not followed", () => {
    const tools = Array.from({ length: 100_000 }, (_, index) => ({ name: `t${index}` }));
    expect(sketch([undefined, page(tools)])).toBeUndefined();
    expect(sketch([undefined, page([{ name: "a", description: "x".repeat(5_000_000) }])])).toBeUndefined();
    expect(sketch([undefined, Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}')])).toBeUndefined();
    expect(sketch([undefined, Buffer.from("nothing")])).toBeUndefined();
  });

  test("with what cannot be shown or walked through is compared nevertheless", () => {
    const deep = `${"[".repeat(4_000)}${"]".repeat(4_000)}`;
    const odd = (value: string) =>
      Buffer.from(
        `{"jsonrpc":"2.0","id":1,"result":{"tools":[null,7,{"name":"__proto__","x":${value}},{"name":"${"n".repeat(500)}"},{"name":"ok","inputSchema":{"properties":{"__proto__":{"type":"string"}}}}]}}`,
      );
    const [one, other] = [sketch([undefined, odd(deep)]), sketch([undefined, odd("1")])];
    expect(one?.digest).not.toBe(other!.digest);
    expect([...one!.tools.keys()]).toEqual(["__proto__", "ok"]);
    expect(one!.tools.get("ok")?.details?.arguments).toEqual([["__proto__", "string", false]]);
    expect(compareTools(one!, other!).changed).toEqual(["__proto__"]);
  });

  test("survives being kept, without its details when it is large", () => {
    const small = sketchOf({ name: "a", ...schema({ x: { type: "string" } }, "x") });
    const shown = { at: 7, view: "v", version: 3, sketch: small };
    expect(readRecord(writeRecord(shown)!, 7)).toEqual(shown);
    const properties = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`argument_${index}`, {}]),
    );
    const large = sketchOf(
      ...Array.from({ length: 1_000 }, (_, index) => ({ name: `tool_${index}`, ...schema(properties) })),
    );
    const kept = readRecord(writeRecord({ ...shown, sketch: large })!, 7)!;
    expect(kept.sketch.tools.get("tool_9")).toEqual({ digest: large.tools.get("tool_9")!.digest });
    const later = sketchOf({ name: "tool_1", title: "other" });
    expect(compareTools(kept.sketch, later).details).toEqual({ tool_1: ["definition changed"] });
  });

  test.each(["", "{}", "[]", "null", '{"version":1,"digest":"a","complete":true}'])(
    "that reads %p is forgotten",
    (text) => {
      expect(readRecord(text, 7)).toBeUndefined();
    },
  );
});

describe("messages keep every byte but for", () => {
  const since = new Date(2026, 10, 21, 12, 10).getTime();
  const SENTENCE = `The tool \\"a\\" no longer exists since 12:10 (the server has changed). The client still shows an old list of tools: refresh it.`;
  const explain = (text: string) => Buffer.from(explainGone(Buffer.from(text), "a", since)).toString();

  test("the sentence on a tool that is gone", () => {
    const error = (message: string) =>
      `{"jsonrpc":"2.0", "id":1 ,"error":{"code":-32602,"message":"${message}","data":1.0}}`;
    expect(explain(error('No \\"a\\".'))).toBe(error(`No \\"a\\". ${SENTENCE}`));
    expect(explain(error(""))).toBe(error(SENTENCE));
    const result = (blocks: string) =>
      `{"jsonrpc":"2.0","id":1,"result":{"content":[${blocks}],"isError":true, "x":1.0}}`;
    const text = '{ "type":"text","text":"no"}';
    expect(explain(result(text))).toBe(result(`${text},{"type":"text","text":"${SENTENCE}"}`));
    expect(explain(result(""))).toBe(result(`{"type":"text","text":"${SENTENCE}"}`));
    for (const strange of [
      '{"jsonrpc":"2.0","id":1,"error":{"code":1}}',
      '{"jsonrpc":"2.0","id":1,"result":{"isError":true}}',
      "{",
    ])
      expect(explain(strange)).toBe(strange);
  });

  test("what the features of a server say of changes", () => {
    const greet = (capabilities: string) =>
      `{"jsonrpc":"2.0","id":1,"result":{"x":1.0,"capabilities":${capabilities}}}`;
    const declare = (capabilities: string) =>
      Buffer.from(declareChanges(Buffer.from(greet(capabilities)), ["tools", "prompts"])).toString();
    expect(declare('{ "tools":{},"resources":{}}')).toBe(
      greet('{ "tools":{"listChanged":true},"resources":{}}'),
    );
    expect(declare('{"tools":{"x":1},"prompts":{"listChanged":false}}')).toBe(
      greet('{"tools":{"listChanged":true,"x":1},"prompts":{"listChanged":true}}'),
    );
    for (const same of ['{"tools":{"listChanged":true}}', "{}", '{"tools":null}', "[]"])
      expect(declare(same)).toBe(greet(same));
  });

  test("the acknowledgment of a stream that listens", () => {
    const ack = (filter: string) =>
      `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":${filter}}}`;
    const acknowledge = (text: string) =>
      Buffer.from(acknowledgeChanges(Buffer.from(text), ["tools"])).toString();
    expect(acknowledge(ack("{}"))).toBe(ack('{"toolsListChanged":true}'));
    expect(acknowledge(ack('{"toolsListChanged":true}'))).toBe(ack('{"toolsListChanged":true}'));
    const other = '{"jsonrpc":"2.0","method":"notifications/x","params":{"notifications":{}}}';
    expect(acknowledge(other)).toBe(other);
  });
});

// The scanner against JSON.parse: it accepts the same texts and sees the same members.
// The one wanted difference: a key that stands twice in the object that is looked at is no message.
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { MAX_DEPTH, readElements, readMembers } from "../../src/frame/scan.ts";

const RUNS = { numRuns: 2_000 };

/** Strings that a reader of bytes can get wrong: several bytes a character, escapes, byte order marks, lone halves. */
const text = fc.string({
  unit: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...Array.from('abé🦊\u2028\ufeff\u0000\u001f"\\/ \n\t{}[]:,')) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
  ),
  maxLength: 40,
});
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    text,
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text, tie("value"), { maxKeys: 4 }),
  ),
})).value;
const object = fc.dictionary(text, value, { maxKeys: 6 });

/** The same value written in other ways: white space anywhere, numbers and characters in other notations. */
const written = fc
  .tuple(
    object,
    fc.constantFrom(0, 2, "\t"),
    fc.constantFrom("\n", "\r\n", "\r", " "),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([value, indent, lineEnd, escape, pad]) => {
    let json = JSON.stringify(value, null, indent).replaceAll("\n", lineEnd);
    if (escape)
      json = json.replace(
        /[\u007f-\uffff]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
    return pad ? ` \t\r\n${json}\r\n ` : json;
  });

/** What JSON.parse makes of the text's top level: each member's value, or nothing. */
function parseMembers(json: string): [string, unknown][] | undefined {
  try {
    const parsed: unknown = JSON.parse(json);
    const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
    return isObject ? Object.entries(parsed) : undefined;
  } catch {
    return undefined;
  }
}

function scanMembers(json: string): [string, unknown][] | undefined {
  const bytes = Buffer.from(json);
  const members = readMembers(bytes);
  return (
    members &&
    [...members].map(([key, { start, end }]) => [key, JSON.parse(bytes.toString("utf8", start, end))])
  );
}

const sorted = (members: [string, unknown][] | undefined) =>
  members?.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)));

describe("the members of an object", () => {
  test("are those that JSON.parse finds, wherever white space and escapes stand", () => {
    fc.assert(
      // `__proto__` as a key is JSON like any other; JSON.parse makes a member of it too.
      fc.property(written, (json) => {
        // A lone half of a surrogate pair cannot be written in UTF-8.
        if (!json.isWellFormed()) return;
        expect(sorted(scanMembers(json))).toEqual(sorted(parseMembers(json)));
      }),
      RUNS,
    );
  });

  test("lie where they lie although the object is part of something larger", () => {
    fc.assert(
      fc.property(object, (inner) => {
        const json = JSON.stringify({ before: "}", inner, after: "{" }).toWellFormed();
        const bytes = Buffer.from(json);
        const at = readMembers(bytes)!.get("inner")!;
        const members = readMembers(bytes, at.start, at.end)!;
        expect(members.size).toBe(Object.keys(JSON.parse(json).inner as object).length);
      }),
    );
  });

  test("a key keeps its byte order mark, and is another key than the one without", () => {
    const keys = [
      ...readMembers(
        Buffer.from('{"\ufeffid":1,"id":2,"\ufeffa-key-that-is-longer-than-a-few-bytes":3}'),
      )!.keys(),
    ];
    expect(keys).toEqual(["\ufeffid", "id", "\ufeffa-key-that-is-longer-than-a-few-bytes"]);
  });

  test.each(['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"a":1,"b":2,"a":1}', '{"":1,"":1}'])(
    "a key that stands twice makes it no object: %s",
    (json) => expect(readMembers(Buffer.from(json))).toBeUndefined(),
  );

  test("a key may stand twice deeper down", () => {
    expect(readMembers(Buffer.from('{"a":{"b":1,"b":2}}'))?.size).toBe(1);
  });
});

describe("a text that was damaged", () => {
  const character = fc.constantFrom(...Array.from('{}[]:,"\\0123456789.eE+-tfnaulrsé\u0000\n \u00a0\ufeff'));
  const damaged = fc
    .tuple(written, fc.array(fc.tuple(fc.nat(), fc.nat(2), character), { minLength: 1, maxLength: 3 }))
    .map(([json, damages]) =>
      damages.reduce((text, [place, cut, put]) => {
        const at = place % (text.length + 1);
        return text.slice(0, at) + put + text.slice(at + cut);
      }, json),
    );

  /** Whether the scanner and JSON.parse agree, but for keys that stand twice. */
  function expectAgreement(json: string) {
    if (!json.isWellFormed()) return;
    const scanned = scanMembers(json);
    const parsed = parseMembers(json);
    if (scanned === undefined && parsed !== undefined && hasTwin(json, parsed.length)) return;
    expect([json, sorted(scanned)]).toEqual([json, sorted(parsed)]);
  }

  /** Whether the top level has more members than keys. */
  function hasTwin(json: string, keys: number): boolean {
    let members = 0;
    let depth = 0;
    for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}:]/gs)) {
      if (token === "[" || token === "{") depth++;
      else if (token === "]" || token === "}") depth--;
      else if (token === ":" && depth === 1) members++;
    }
    return members > keys;
  }

  test("is accepted exactly when JSON.parse accepts it", () => {
    fc.assert(fc.property(damaged, expectAgreement), { numRuns: 10_000 });
  });

  test("so is a text of nothing but tokens", () => {
    const token = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      '"a"',
      '"b"',
      "1",
      "-",
      "0",
      "1e5",
      ".5",
      "true",
      "nul",
      " ",
      '"\\u00"',
    );
    const tokens = fc.array(token, { maxLength: 12 }).map((some) => `{${some.join("")}`);
    fc.assert(fc.property(tokens, expectAgreement), { numRuns: 20_000 });
  });

  test.each([
    "01",
    "1.",
    ".1",
    "1e",
    "+1",
    "-",
    "0x1",
    "1e+",
    "Infinity",
    "NaN",
    "tru",
    "nulll",
    "'a'",
    '"\\x"',
    '"\\u12G4"',
    '"\\ug000"',
    '"\u001f"',
    '"\t"',
    "1 2",
    "",
    "[1,]",
    '{"a":1,}',
    "[,]",
    '{,"a":1}',
    "{a:1}",
  ])("no value: %s", (bad) => {
    expect(readMembers(Buffer.from(`{"a":${bad}}`))).toBeUndefined();
    expect(() => JSON.parse(`{"a":${bad}}`) as unknown).toThrow();
  });

  test("cut anywhere, it is no object", () => {
    const bytes = Buffer.from('{"a":[1.5e-3,{"b":"\\u00e9\\\\"},true],"c":null}');
    for (let end = 0; end < bytes.length; end++) {
      expect(readMembers(bytes.subarray(0, end))).toBeUndefined();
      // What stands behind the end must not be looked at.
      expect(readMembers(bytes, 0, end)).toBeUndefined();
    }
  });
});

describe("depth", () => {
  const nested = (depth: number) => Buffer.from(`{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`);

  test("is followed as far as the limit and no further", () => {
    expect(readMembers(nested(MAX_DEPTH))?.size).toBe(1);
    expect(readMembers(nested(MAX_DEPTH + 2))).toBeUndefined();
  });

  test("of millions costs neither stack nor time", () => {
    expect(readMembers(Buffer.from(`{"a":${"[".repeat(5_000_000)}`))).toBeUndefined();
    expect(readMembers(Buffer.from(`{"a":${'{"a":'.repeat(1_000_000)}`))).toBeUndefined();
  });
});

test("the elements of an array are those that JSON.parse finds", () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 6 }), fc.constantFrom(0, 1), (array, indent) => {
      const bytes = Buffer.from(JSON.stringify(array, null, indent).toWellFormed());
      const elements = readElements(bytes)!.map(
        ({ start, end }) => JSON.parse(bytes.toString("utf8", start, end)) as unknown,
      );
      expect(elements).toEqual(JSON.parse(bytes.toString()) as unknown[]);
    }),
  );
  for (const bad of ["[1", "[1,]", "[,1]", "[1]]", "[1 2]", "", "{}", "[1]x"])
    expect(readElements(Buffer.from(bad))).toBeUndefined();
});

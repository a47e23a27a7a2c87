// Whether one more server process may be started, and which one ends for it.
import { describe, expect, test } from "bun:test";
import { decideRoom, type Occupant } from "../../src/bridge/pool/eviction.ts";

interface Named extends Occupant {
  name: string;
}

/** `ada` is a process of hers; `ada:call`, `ada:session`, `ada:claim` one with something on it; `:` an anonymous one. */
function occupy(...names: string[]): Named[] {
  return names.map((name) => ({
    name,
    callerKey: name.split(":")[0]!,
    pending: Number(name.includes(":call")),
    sessions: Number(name.includes(":session")),
    claims: Number(name.includes(":claim")),
  }));
}

/** The action, and which process ends. @param names least recently used first */
function decide(callerKey: string, names: readonly string[], { max = 4, ending = 0 } = {}): string {
  const decision = decideRoom({ occupants: occupy(...names), ending, max, callerKey });
  return decision.action === "end" ? `end ${decision.occupant.name}` : decision.action;
}

describe("a process is started", () => {
  test("as long as there are fewer than allowed", () => {
    expect(decide("ada", [])).toBe("start");
    expect(decide("ada", ["ada", "ada", "ada"])).toBe("start");
    expect(decide("ada", ["bob:call", "eve:call", "ada:call"])).toBe("start");
  });

  test("not while those that are ending take up the room", () => {
    expect(decide("ada", ["ada:call", "bob:call"], { ending: 2 })).toBe("wait");
    expect(decide("ada", ["ada:call", "bob:call"], { ending: 1 })).toBe("start");
  });
});

describe("a caller over its fair share", () => {
  test("makes room at its own expense while others have a process", () => {
    expect(decide("ada", ["bob", "ada:session", "ada"])).toBe("end ada:session");
    expect(decide("ada", ["ada:call", "bob", "ada"], { max: 8, ending: 1 })).toBe("start");
  });

  test("is refused when it uses all of them", () => {
    expect(decide("ada", ["bob", "ada:call", "ada:claim"])).toBe("refuse");
    expect(decide("ada", ["bob", "ada:call", "ada:call"], { ending: 1 })).toBe("refuse");
  });

  test("may have everything while it is alone", () => {
    expect(decide("ada", ["ada:call", "ada:call", "ada:call"])).toBe("start");
    expect(decide("ada", ["ada:call", "ada", "ada:call", "ada"])).toBe("end ada");
  });

  test("has one process at least", () => {
    expect(decide("ada", ["bob"], { max: 1 })).toBe("end bob");
    expect(decide("ada", ["bob", "ada"], { max: 2 })).toBe("end ada");
  });
});

describe("the process that ends", () => {
  test.each([
    ["the least recently used", ["bob", "eve", "joe", "sue"], "end bob"],
    ["the caller's own rather than another's", ["bob", "eve", "ada", "sue"], "end ada"],
    [
      "an anonymous one, even in a call, rather than another person's",
      ["bob", ":call", "eve", "sue"],
      "end :call",
    ],
    ["not an anonymous one that was just claimed", [":claim", "bob", "eve", "sue"], "end bob"],
    ["one without a session rather than one with", ["bob:session", "ada:session", "eve", "sue"], "end eve"],
    [
      "with only sessions left, the caller's own",
      ["bob:session", "ada:session", "eve:call", "sue:claim"],
      "end ada:session",
    ],
    [
      "with only sessions left, the least recently used",
      ["bob:call", "joe:session", "eve:session", "sue:claim"],
      "end joe:session",
    ],
  ])("is %s", (_, names, expected) => {
    expect(decide("ada", names)).toBe(expected);
  });

  test("is never a person's for an anonymous caller", () => {
    expect(decide("", ["bob", "eve", "joe", "sue"])).toBe("refuse");
    expect(decide("", [":", "eve", "joe", "sue"])).toBe("end :");
  });

  test("does not exist when all are in use: the caller is refused, or waits for one that is ending anyway", () => {
    const busy = ["bob:call", "eve:claim", "joe:call", "sue:call"];
    expect(decide("ada", busy)).toBe("refuse");
    expect(decide("ada", busy, { ending: 1 })).toBe("wait");
  });
});

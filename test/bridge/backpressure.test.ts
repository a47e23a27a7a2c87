// Which server processes are read from while clients are slow.
import { describe, expect, test } from "bun:test";
import { createBackpressure } from "../../src/bridge/process/backpressure.ts";

describe("found 8: a server process", () => {
  function setUp() {
    const unread = createBackpressure({ each: 10, all: 25, fair: 2 });
    const isRead: Record<string, boolean> = {};
    const open = (name: string) => unread.open((mayRead) => (isRead[name] = mayRead));
    return { open, isRead };
  }

  test("is read from as long as its own clients have not left too much", () => {
    const { open, isRead } = setUp();
    const one = open("one");
    one.change(10);
    expect([isRead["one"], one.mayRead]).toEqual([true, true]);
    one.change(1);
    expect([isRead["one"], one.mayRead]).toEqual([false, false]);
    one.change(-1);
    expect(isRead["one"]).toBeTrue();
  });

  test("waits when the clients of all have left too much, unless its own keep up; and goes on when some was taken", () => {
    const { open, isRead } = setUp();
    const [one, two, three, quick] = ["one", "two", "three", "quick"].map(open);
    for (const slow of [one!, two!]) slow.change(10);
    quick!.change(1);
    three!.change(4);
    expect(isRead).toEqual({ one: true, two: true, three: true, quick: true });
    three!.change(1);
    expect(isRead).toEqual({ one: false, two: false, three: false, quick: true });
    quick!.change(1);
    expect(isRead["quick"]).toBeTrue();
    one!.change(-5);
    expect(isRead).toEqual({ one: true, two: true, three: true, quick: true });
  });

  test("that has ended is no longer notified, and its clients' unread bytes count until they are read", () => {
    const { open, isRead } = setUp();
    const [gone, other] = ["gone", "other"].map(open);
    gone!.change(25);
    gone!.close();
    delete isRead["gone"];
    other!.change(3);
    expect(isRead).toEqual({ other: false });
    gone!.change(-25);
    expect(other!.mayRead).toBeTrue();
    expect(isRead["other"]).toBeTrue();
  });
});

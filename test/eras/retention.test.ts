// Events kept for clients that may reconnect: how many, and whose are dropped first.
import { describe, expect, test } from "bun:test";
import { createRetention, ownBytes } from "../../src/eras/streams/retention.ts";

const KB = 1024;

describe("found 8: the events kept for all clients", () => {
  function setUp(limit: number) {
    const retention = createRetention(limit);
    const dropped: string[] = [];
    const open = (callerKey: string, bytes = Infinity, count = Infinity) => {
      const drop = (item: string) => void dropped.push(item);
      return retention.open<string>({ callerKey, bytes, count, dropped: drop });
    };
    return { retention, dropped, open };
  }

  test("never exceed a number of bytes, over any number of queues", () => {
    const { retention, open } = setUp(100 * KB);
    for (let count = 0; count < 1_000; count++) {
      open(`person ${count % 7}`).add("item", (count % 13) * KB);
      expect(retention.bytes).toBeLessThanOrEqual(100 * KB);
    }
    expect(retention.bytes).toBeGreaterThan(20 * KB);
  });

  test("are dropped from the client with the most, oldest first: many sessions of one take nothing from another", () => {
    const { dropped, open } = setUp(100 * KB);
    const modest = open("modest");
    modest.add("modest 1", 20 * KB);
    for (let session = 0; session < 50; session++) {
      const greedy = open("greedy");
      greedy.add(`${session} old`, 5 * KB);
      greedy.add(`${session} new`, 5 * KB);
    }
    expect(dropped).not.toContain("modest 1");
    expect(dropped.length).toBeGreaterThan(50);
    for (const item of dropped.filter((item) => item.endsWith("new")))
      expect(dropped.indexOf(item.replace("new", "old"))).toBeLessThan(dropped.indexOf(item));
    expect(modest.takeAll()).toEqual(["modest 1"]);
  });

  test("count the overhead of an item, so that a flood of tiny ones is bounded, too", () => {
    const { dropped, open } = setUp(100 * KB);
    const queue = open("tiny");
    for (let count = 0; count < 10_000; count++) queue.add("x", 1);
    const kept = queue.takeAll().length;
    expect(kept).toBeLessThan(500);
    expect(dropped).toHaveLength(10_000 - kept);
  });

  test("are bounded in each queue, by bytes and by count", () => {
    const { dropped, open } = setUp(Infinity);
    const queue = open("me", 10, 3);
    for (const item of ["a", "b", "c", "d"]) queue.add(item, 1);
    expect(dropped).toEqual(["a"]);
    queue.add("large", 9);
    expect(dropped).toEqual(["a", "b", "c"]);
    expect(queue.takeAll()).toEqual(["d", "large"]);
  });

  test("are released when a queue is emptied or closed, and none are kept after that", () => {
    const { retention, open } = setUp(100 * KB);
    const [one, two] = [open("me"), open("you")];
    one.add("item", KB);
    two.add("item", KB);
    expect(one.takeAll()).toEqual(["item"]);
    two.close();
    expect(retention.bytes).toBe(0);
    two.add("late", KB);
    expect(retention.bytes).toBe(0);
  });

  test("do not retain a large buffer for a small part of it", () => {
    const large = new Uint8Array(64 * KB).fill(7);
    const own = ownBytes(large.subarray(10, 20));
    expect([own.length, own[0], own.buffer.byteLength]).toEqual([10, 7, 10]);
    expect(ownBytes(large)).toBe(large);
  });
});

// When a garbage collection is asked for.
import { expect, test } from "bun:test";
import { createMemoryTrim } from "../../src/child/memory-trim.ts";

const MEGABYTE = 1024 * 1024;

test("a collection in the background is asked for once in 64 MB of large messages", () => {
  const collections: boolean[] = [];
  const garbage = createMemoryTrim((isAll) => collections.push(isAll));
  for (let sent = 0; sent < 63; sent++) garbage.count(MEGABYTE);
  expect(collections).toEqual([]);
  garbage.count(MEGABYTE);
  expect(collections).toEqual([false]);
});

test("a collection of everything is asked for when many messages have gone through and nothing follows", async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const garbage = createMemoryTrim(resolve, 1);
  for (let sent = 0; sent < 1_000; sent++) garbage.count(1024);
  expect(await promise).toBe(true);
});

test("none is asked for after a few messages", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const few = createMemoryTrim(() => resolve("few"), 1);
  few.count(1024);
  const many = createMemoryTrim(() => resolve("many"), 20);
  for (let sent = 0; sent < 1_000; sent++) many.count(1024);
  expect(await promise).toBe("many");
});

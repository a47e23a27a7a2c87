// When changes are passed on: after quiet, and now and then where there is none. Time stands still here until it is moved.
import { beforeEach, expect, test } from "bun:test";
import { type ChangeBatch, createChangeBatch } from "../../src/watch/change-batch.ts";

let now: number;
let timers: Set<{ at: number; run: () => void }>;
let flushed: [at: number, paths: readonly string[]][];
let batch: ChangeBatch;

beforeEach(() => {
  now = 0;
  timers = new Set();
  flushed = [];
  batch = createChangeBatch({
    flush: (paths) => flushed.push([now, paths]),
    startTimer(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
  });
});

function pass(ms: number): void {
  for (const end = now + ms; now < end;) {
    now++;
    for (const timer of timers) if (timer.at === now && timers.delete(timer)) timer.run();
  }
}

test("a burst is passed on once, 75 ms after its last change, each path once", () => {
  for (const path of ["b", "a", "b"]) {
    batch.add(path);
    pass(50);
  }
  pass(1_000);
  expect(flushed).toEqual([[175, ["b", "a"]]]);
  expect(timers.size).toBe(0);
});

test("changes every 10 ms are passed on each second, and the last one of them, too", () => {
  for (let count = 0; count < 1_000; count++) {
    batch.add(`${count}`);
    pass(10);
  }
  pass(75);
  const times = flushed.map(([at]) => at);
  expect(times.slice(0, 3)).toEqual([1_000, 2_000, 3_000]);
  expect(times.length).toBeLessThanOrEqual(11);
  expect(flushed.flatMap(([, paths]) => paths)).toHaveLength(1_000);
});

test("what is closed passes nothing on", () => {
  batch.add("a");
  batch.close();
  pass(2_000);
  expect([flushed, timers.size]).toEqual([[], 0]);
});

// The short form of `npm run soak`.
import { expect, test } from "bun:test";
import { HAS_PROC } from "../faults/machine.ts";
import { findGrowth, soak, type Sample, type SoakResult } from "./soak.ts";

test.skipIf(!HAS_PROC)(
  "under mixed traffic memory, descriptors, timers and processes stay what they were",
  async () => {
    const result = await soak(20_000, 1_000, () => {});
    expect(findGrowth(result)).toEqual([]);
    expect(result.samples.length).toBeGreaterThan(6);
    expect(result.samples.at(-1)?.actions).toBeGreaterThan(400);
  },
  60_000,
);

test("growth is told by what has grown", () => {
  const sample = (at: number, more: Partial<Sample> = {}): Sample => ({
    at,
    memory: 50e6,
    descriptors: 20,
    timers: 5,
    processes: 2,
    actions: 1,
    ...more,
  });
  const flat = Array.from({ length: 9 }, (_, at) => sample(at));
  const judge = (result: Partial<SoakResult>) =>
    findGrowth({ samples: flat, before: sample(0), after: sample(9), ...result });
  expect(judge({})).toEqual([]);
  const leaking = flat.map(({ at }) => sample(at, { memory: 50e6 + at * 10e6, timers: 5 + at * 5 }));
  expect(judge({ samples: leaking }).map((line) => line.split(":")[0])).toEqual([
    "memory under load (MB)",
    "timers under load",
  ]);
  expect(judge({ after: sample(9, { descriptors: 99 }) })).toEqual([
    "file descriptors afterwards: 79 more, at most 10 are no growth",
  ]);
});

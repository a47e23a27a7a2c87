// The short form of `npm run soak`. Alone on the machine: nothing is timed, but what others take of it leaves less traffic.
import { expect, test } from "bun:test";
import { HAS_PROC } from "../faults/machine.ts";
import { findFaults, type Sample, type SoakResult } from "./growth.ts";
import { soak } from "./soak.ts";

test.skipIf(!HAS_PROC)(
  "under two minutes of mixed traffic memory, descriptors, timers and processes stay what they were",
  async () => {
    const result = await soak(120_000, 2_000, () => {});
    expect(findFaults(result)).toEqual([]);
    expect(result.samples.length).toBeGreaterThan(20);
    expect(result.samples.at(-1)?.actions).toBeGreaterThan(1_000);
  },
  300_000,
);

test("a report of growth names what has grown, and counts the servers that ended", () => {
  const sample = (at: number, more: Partial<Sample> = {}): Sample => ({
    at,
    memory: 50 * 2 ** 20,
    descriptors: 20,
    timers: 5,
    processes: 2,
    actions: 1,
    ...more,
  });
  const flat = Array.from({ length: 12 }, (_, at) => sample(at));
  const judge = (result: Partial<SoakResult>) =>
    findFaults({ samples: flat, before: sample(0), after: sample(12), crashes: 1, lost: 1, ...result });
  expect(judge({})).toEqual([]);
  const leaking = flat.map(({ at }) => sample(at, { memory: (50 + at * 10) * 2 ** 20, timers: 5 + at * 5 }));
  expect(judge({ samples: leaking })).toEqual([
    "memory (MB): 90 more, at most 32 are not growth",
    "timers: 45 more, at most 10 are not growth",
  ]);
  expect(judge({ after: sample(12, { descriptors: 99 }) })).toEqual([
    "file descriptors at rest: 79 more, at most 10 are not growth",
  ]);
  expect(judge({ lost: 2 })).toEqual([
    "server processes that ended by themselves: 2, of which 1 were made to",
  ]);
});

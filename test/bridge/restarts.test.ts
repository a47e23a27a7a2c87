// Which launch decides what a restart reports, and what a drain waits for.
import { expect, test } from "bun:test";
import type { LaunchReport } from "../../src/bridge/bridge.ts";
import { createRestarts } from "../../src/bridge/lasting/restarts.ts";
import { drain } from "../../src/bridge/pool/drain.ts";
import type { PooledProcess } from "../../src/bridge/pool/process-pool.ts";

const BROKEN: LaunchReport = {
  outcome: "exited",
  exit: { code: 1, signal: null, stderrTail: [] },
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Ends and launches that the test settles. */
function setUp() {
  const steps: string[] = [];
  const ends: (() => void)[] = [];
  const launches: ((report: LaunchReport) => void)[] = [];
  const restarts = createRestarts({
    end(reason) {
      steps.push(`end: ${reason}`);
      return new Promise((resolve) => void ends.push(resolve));
    },
    start() {
      steps.push("start");
      return new Promise((resolve) => void launches.push(resolve));
    },
  });
  return { steps, ends, launches, restarts };
}

test("what is asked for while processes end is one restart; nothing starts before they have ended", async () => {
  const { steps, ends, launches, restarts } = setUp();
  const launched = restarts.launch();
  launches[0]!({ outcome: "answered" });
  expect(await launched).toEqual({ outcome: "answered" });
  const asked = [restarts.request("one"), restarts.request("two")];
  await turn();
  expect([steps, restarts.isEnding, restarts.isDecided]).toEqual([["start", "end: one"], true, false]);
  ends[0]!();
  await restarts.begun();
  expect(steps.at(-1)).toBe("start");
  launches[1]!(BROKEN);
  expect(await Promise.all(asked)).toEqual([BROKEN, BROKEN]);
  expect(restarts.isDecided).toBe(true);
});

test("a launch that is overtaken decides nothing, however it ends", async () => {
  const { ends, launches, restarts } = setUp();
  const first = restarts.launch();
  const second = restarts.request("it hangs");
  ends[0]!();
  await turn();
  launches[0]!(BROKEN);
  await turn();
  expect(restarts.isDecided).toBe(false);
  launches[1]!({ outcome: "answered" });
  expect(await Promise.all([first, second])).toEqual([{ outcome: "answered" }, { outcome: "answered" }]);
});

test("an end that fails is reported, and the next restart is one", async () => {
  let isFirst = true;
  const restarts = createRestarts({
    async end() {
      if (isFirst) throw new Error("it does not end");
    },
    start: () => Promise.resolve({ outcome: "answered" }),
  });
  await restarts.launch();
  expect(restarts.request("one")).rejects.toThrow("it does not end");
  await turn();
  isFirst = false;
  expect(restarts.isEnding).toBe(false);
});

test("after the close nothing starts, and whoever waits is told", async () => {
  const { steps, ends, launches, restarts } = setUp();
  const launched = restarts.launch();
  launches[0]!({ outcome: "answered" });
  await launched;
  const asked = restarts.request("one");
  restarts.close();
  ends[0]!();
  expect([await asked, await restarts.request("two")]).toEqual([
    { outcome: "stopped" },
    { outcome: "stopped" },
  ]);
  await turn();
  expect(steps).toEqual(["start", "end: one"]);
});

test("a drain takes questions back at once and waits for calls, and for those that are about to be made", async () => {
  const told: string[] = [];
  const adapter = {
    pending: 0,
    atWork: 1,
    cancelRequests: (reason: string) => void told.push(`cancel: ${reason}`),
    failCalls: (reason: string) => void told.push(`fail: ${reason}`),
  };
  const occupied = { claims: 1, adapter, assignment: { sharing: "person" } } as unknown as PooledProcess;
  let isOver = false;
  const drained = drain(
    () => [occupied],
    "why",
    () => false,
  ).then(() => (isOver = true));
  expect(told).toEqual(["cancel: why"]);
  adapter.atWork = 0;
  await Bun.sleep(30);
  expect(isOver).toBe(false);
  occupied.claims = 0;
  await drained;
  expect(told.at(-1)).toBe("fail: why");
});

// The work of timers on the store, moved by hand: nothing overlaps itself, and nothing is under way when it is closed.
import { expect, test } from "bun:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createLog } from "../../src/log.ts";
import { createBackgroundTask, type Schedule } from "../../src/oauth/tokens/background-task.ts";
import { createLastUses } from "../../src/oauth/tokens/last-use.ts";
import { createRevocationWatch } from "../../src/oauth/tokens/revocation-watch.ts";
import { createSweeper } from "../../src/oauth/tokens/sweeper.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { Revocations, Store } from "../../src/store/store.ts";
import { createSlowStore, type SlowStore } from "../store/slow-store.ts";
import { startServer } from "./harness.ts";

function createTimers() {
  const works = new Set<() => void>();
  const schedule: Schedule = (work) => {
    works.add(work);
    return () => void works.delete(work);
  };
  return { schedule, works, tick: () => works.forEach((work) => work()) };
}

function createLines() {
  const lines: string[] = [];
  const log = createLog({ level: "verbose", write: (text) => void lines.push(text), color: false });
  return { lines, log };
}

test("runs of one task never overlap, and all who ask during one share the next", async () => {
  const { log } = createLines();
  const gates: PromiseWithResolvers<void>[] = [];
  const task = createBackgroundTask(
    () => gates[gates.push(Promise.withResolvers()) - 1]!.promise,
    "run",
    log,
  );
  const first = task.run();
  const [second, third] = [task.run(), task.run()];
  expect(second).toBe(third);
  await nextTurn();
  expect(gates).toHaveLength(1);
  gates[0]!.resolve();
  await first;
  await nextTurn();
  expect(gates).toHaveLength(2);
  gates[1]!.resolve();
  await second;
  await nextTurn();
  expect(gates).toHaveLength(2);
  expect(task.settle()).toBeUndefined();
});

test("a task that fails says so, and runs the next time", async () => {
  const { lines, log } = createLines();
  let count = 0;
  const work = () => {
    count += 1;
    if (count === 1) throw new Error("at once");
    return Promise.reject(new Error("later"));
  };
  const task = createBackgroundTask(work, "do it", log);
  expect(task.run()).toBeUndefined();
  await Promise.all([task.run(), task.run()]);
  expect(count).toBe(3);
  expect(lines.join("")).toMatch(/Could not do it: at once[^]+do it: later[^]+do it: later/);
});

test("a task whose work is over at once is over at once", () => {
  let count = 0;
  const task = createBackgroundTask(() => void (count += 1), "count", createLines().log);
  expect([task.run(), task.run(), count]).toEqual([undefined, undefined, 2]);
});

test("a watch that has no place to start from yet has everything looked at again when it does", async () => {
  const { schedule, works, tick } = createTimers();
  const answers: PromiseWithResolvers<Revocations>[] = [];
  const store = {
    revocationsAfter: () => answers[answers.push(Promise.withResolvers()) - 1]!.promise,
  } as unknown as Store;
  const announced: string[] = [];
  const { log, lines } = createLines();
  const watch = createRevocationWatch({ store, serverId: "s", schedule, log, onGrantRevoked: () => {} });
  watch.listen((grantId) => void announced.push(grantId ?? "any"));
  answers[0]!.reject(new Error("not there"));
  await nextTurn();
  expect([announced, lines.length]).toEqual([[], 1]);
  tick();
  answers[1]!.resolve({ cursor: 7, revoked: [] });
  await nextTurn();
  expect(announced).toEqual(["any"]);
  tick();
  answers[2]!.resolve({ cursor: 8, revoked: [] });
  await nextTurn();
  expect(announced).toEqual(["any"]);
  await watch.close();
  expect(works.size).toBe(0);
});

test("a sweep never overlaps itself, and what was used during one is written at the close, after which nothing is asked", async () => {
  const { schedule, works, tick } = createTimers();
  const { log, lines } = createLines();
  const inner = openSqliteStore(":memory:");
  let [sweeps, most, written] = [0, 0, 0];
  const slow = createSlowStore({ ...inner, noteUses: (times) => void (written += times.size) });
  const store: Store = {
    ...slow,
    sweep: async (now, bounds) => {
      sweeps += 1;
      most = Math.max(most, sweeps);
      await slow.sweep(now, bounds);
      sweeps -= 1;
    },
  };
  const lastUses = createLastUses({ store, log });
  const sweeper = createSweeper({ store, now: () => 1, schedule, log, lastUses });
  for (let count = 0; count < 20; count++) {
    lastUses.note(`grant ${count}`, 1);
    tick();
    await nextTurn();
  }
  lastUses.note("last", 1);
  const closed = sweeper.close();
  expect(works.size).toBe(0);
  await closed;
  expect([most, written, slow.isIdle()]).toEqual([1, 21, true]);
  await slow.close();
  expect(lines).toEqual([]);
});

test("uses since the last sweep are written at the close", () => {
  const { log } = createLines();
  const store = openSqliteStore(":memory:");
  const written: string[] = [];
  store.noteUses = (times) => void written.push(...times.keys());
  const lastUses = createLastUses({ store, log });
  const sweeper = createSweeper({ store, now: () => 1, schedule: createTimers().schedule, log, lastUses });
  lastUses.note("grant", 1);
  expect(sweeper.close()).toBeUndefined();
  expect(written).toEqual(["grant"]);
  store.close();
});

test("an end of unconfigured access that is under way at the close is over when that is, and nothing is asked afterwards", async () => {
  const asked: string[] = [];
  let slow: SlowStore | undefined;
  const server = await startServer({
    wrapStore: (inner) => {
      slow = createSlowStore({
        ...inner,
        revokeUnconfigured: (...args) => {
          asked.push("revoke");
          inner.revokeUnconfigured(...args);
        },
      });
      return slow;
    },
  });
  void server.endUnconfigured();
  void server.endUnconfigured();
  await server.close();
  expect([asked, slow?.isIdle()]).toEqual([["revoke", "revoke"], true]);
  await nextTurn();
  expect(slow?.isIdle()).toBeTrue();
  await server.stop();
});

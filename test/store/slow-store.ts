// The real SQLite store as one in another process would be: whatever may wait does, for one turn of the event loop or
// several, so that operations which do not wait for each other are done and answered in another order than they were asked.
// The order is drawn from a seed, and is another one in each run unless MCP_EXPOSE_TEST_SEED repeats it.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Store, SyncStore } from "../../src/store/store.ts";

/** Turns that pass before an operation is done, and again before its answer is there. */
const MOST_TURNS = 4;

export interface SlowStore extends Store {
  /** Whether every operation is answered. */
  isIdle(): boolean;
}

export function createSlowStore(inner: SyncStore, seed: number = chooseSeed()): SlowStore {
  const random = createRandom(seed);
  let pending = 0;
  const wait = async () => {
    for (let turns = Math.ceil(random() * MOST_TURNS); turns > 0; turns--) await nextTurn();
  };
  const isIdle = () => pending === 0;
  const slow =
    (operation: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]) => {
      pending += 1;
      try {
        await wait();
        return operation(...args);
      } finally {
        await wait();
        pending -= 1;
      }
    };
  const operations = Object.entries(inner).map(([name, operation]) => [name, slow(operation as never)]);
  const store = Object.fromEntries(operations) as unknown as Store;
  /** The index that the contract asks for: knows what was found, and nothing else. */
  const found = new Set<string>();
  return {
    ...store,
    findAccess: async (hash, now) => {
      const access = await store.findAccess(hash, now);
      if (access) found.add(hash);
      return access;
    },
    recallAccess: (hash, now) => (found.has(hash) ? inner.findAccess(hash, now) : undefined),
    close: async () => {
      while (!isIdle()) await nextTurn();
      inner.close();
    },
    isIdle,
  };
}

let lastSeed: number | undefined;

/** Each store has the one after that of the store before. */
function chooseSeed(): number {
  if (lastSeed === undefined) {
    lastSeed = Number(process.env["MCP_EXPOSE_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    process.stderr.write(`MCP_EXPOSE_TEST_SEED=${lastSeed}\n`);
  }
  return lastSeed++;
}

/** https://en.wikipedia.org/wiki/Linear_congruential_generator, numbers of Numerical Recipes. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 2 ** 32;
  };
}

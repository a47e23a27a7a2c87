// How cost grows with the size of a message, with calls at a time, with sessions, and with grants in the store.
import type { Running } from "./contenders.ts";
import { sessionCall } from "./mcp.ts";
import type { Plot, Series } from "./plot.ts";
import { measureRates, type Effort } from "./sample.ts";
import { measureTokenCheck } from "./token-check.ts";
import type { Load, Target } from "./wire.ts";

/** By name; `first` is a session that is open. */
export type Field = Readonly<Record<string, Running & { first: Target }>>;

const SIZES = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_000_000, 4_000_000];
const CONCURRENCIES = [1, 2, 4, 8, 16, 32, 64, 128];
const SESSIONS = [1, 4, 16, 64, 256];
const GRANTS = [1, 10, 100, 1_000, 10_000];

/** @returns plots by file name */
export async function measureGrowth(
  field: Field,
  folder: string,
  effort: Effort,
): Promise<Record<string, Plot>> {
  const short = { ...effort, rounds: Math.min(effort.rounds, 3), sampleMs: Math.min(effort.sampleMs, 400) };
  const some = <T>(values: readonly T[]) => (effort.quick ? values.slice(0, 2) : values);
  const targets = Object.fromEntries(Object.entries(field).map(([name, { first }]) => [name, first]));
  const calls = { y: "calls per second" };
  return {
    "message-size": {
      ...calls,
      title: "One call at a time, by the size of its text",
      x: "bytes",
      series: await sweep(some(SIZES), (size) => measure(targets, { concurrency: 1, size }, short)),
    },
    concurrency: {
      ...calls,
      title: "1 KB calls in one session, by how many at a time",
      x: "calls at a time",
      series: await sweep(some(CONCURRENCIES), (concurrency) =>
        measure(targets, { concurrency, size: 1024 }, short),
      ),
    },
    sessions: {
      ...calls,
      title: "1 KB calls, 32 at a time, by how many sessions take turns",
      x: "sessions open",
      series: await measureSessions(field, some(SESSIONS), short),
    },
    grants: {
      title: "Checking an access token, by grants in the store",
      x: "grants",
      y: "microseconds",
      series: await measureGrants(some(GRANTS), folder, short),
    },
  };
}

async function measure(targets: Record<string, Target>, load: Omit<Load, "body">, effort: Effort) {
  const rates = await measureRates(targets, { ...load, body: sessionCall }, effort);
  return Object.fromEntries(
    Object.entries(rates).map(([name, { callsPerSecond }]) => [name, callsPerSecond]),
  );
}

async function sweep(
  values: readonly number[],
  measureAt: (value: number) => Promise<Record<string, number>>,
): Promise<Series[]> {
  const points = new Map<string, [number, number][]>();
  for (const value of values) {
    for (const [name, result] of Object.entries(await measureAt(value)))
      points.set(name, [...(points.get(name) ?? []), [value, result]]);
  }
  return [...points].map(([name, each]) => ({ name, points: each }));
}

/** Sessions are left open from one count to the next; 32 lanes call in as many of them. */
async function measureSessions(field: Field, counts: readonly number[], effort: Effort): Promise<Series[]> {
  const opened: Record<string, Target[]> = Object.fromEntries(
    Object.entries(field).map(([name, { first }]) => [name, [first]]),
  );
  return sweep(counts, async (count) => {
    for (const [name, targets] of Object.entries(opened))
      while (targets.length < count) targets.push(await field[name]!.open());
    const rates = Object.entries(opened).map(async ([name, targets]) => {
      const sessionOf = (index: number) => targets[index % targets.length]!.headers;
      const load = { concurrency: 32, size: 1024, body: sessionCall, sessionOf };
      return [name, { target: targets[0]!, load }] as const;
    });
    const results: Record<string, number> = {};
    for (const [name, { target, load }] of await Promise.all(rates)) {
      const rate = await measureRates({ [name]: target }, load, effort);
      results[name] = rate[name]!.callsPerSecond;
    }
    return results;
  });
}

function measureGrants(counts: readonly number[], folder: string, effort: Effort): Promise<Series[]> {
  return sweep(counts, async (count) => {
    const { known, fresh } = await measureTokenCheck(count, folder, effort);
    return { "token seen before": known, "after any change": fresh };
  });
}

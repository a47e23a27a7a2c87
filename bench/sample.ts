// Repeats what is measured, one contender after the other in every round, so that all of them meet the same
// weather on the machine; what counts is the median.
import { openCaller, type Load, type Target } from "./wire.ts";

export interface Effort {
  /** Rounds of each measurement. */
  rounds: number;
  /** Milliseconds of one throughput sample. */
  sampleMs: number;
  /** Whether figures are wanted at all, or only that everything runs. */
  quick: boolean;
}

export interface Rate {
  callsPerSecond: number;
  p50: number;
  p99: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs every task once per round, in turn. @returns what each has returned, by name */
export async function interleave<T>(
  rounds: number,
  tasks: Readonly<Record<string, () => Promise<T>>>,
): Promise<Record<string, T[]>> {
  const results: Record<string, T[]> = Object.fromEntries(Object.keys(tasks).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, task] of Object.entries(tasks)) results[name]!.push(await task());
  }
  return results;
}

/** Calls per second and milliseconds a call, of each target under the same load. */
export async function measureRates(
  targets: Readonly<Record<string, Target>>,
  load: Load,
  { rounds, sampleMs }: Effort,
): Promise<Record<string, Rate>> {
  const callers = await Promise.all(
    Object.entries(targets).map(async ([name, target]) => [name, await openCaller(target, load)] as const),
  );
  const tasks = Object.fromEntries(
    callers.map(([name, caller]) => [
      name,
      async () => {
        const start = performance.now();
        const times = await caller.run((_, elapsed) => elapsed >= sampleMs);
        return { perSecond: (times.length * 1000) / (performance.now() - start), times: times.toSorted() };
      },
    ]),
  );
  try {
    await interleave(1, tasks);
    const samples = await interleave(rounds, tasks);
    return Object.fromEntries(
      Object.entries(samples).map(([name, each]) => [
        name,
        {
          callsPerSecond: median(each.map(({ perSecond }) => perSecond)),
          p50: median(each.map(({ times }) => times[Math.floor(times.length * 0.5)] ?? 0)),
          p99: median(each.map(({ times }) => times[Math.floor(times.length * 0.99)] ?? 0)),
        },
      ]),
    );
  } finally {
    for (const [, caller] of callers) caller.close();
  }
}

// Mixed traffic for as long as one likes, with what the program costs looked at all along: it may not grow.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixture, until } from "../eras/wire.ts";
import { countDescriptors, listDescendants, readMemory } from "../faults/machine.ts";
import { startProgram, type Program } from "../program.ts";
import { crashServer, createTrafficClient } from "./traffic.ts";

export interface Sample {
  /** Seconds since the start. */
  at: number;
  /** Resident bytes. */
  memory: number;
  descriptors: number;
  timers: number;
  processes: number;
  /** Actions done so far. */
  actions: number;
}

export interface SoakResult {
  /** While the traffic ran. */
  samples: readonly Sample[];
  /** Before it began and after it had ended, with nothing going on. */
  before: Sample;
  after: Sample;
}

const PASTED = "paste-me-please";
const CLIENTS = 4;
/** Milliseconds between two crashes of a server; each time it is a new client's, and those may not come in crowds. */
const CRASH_EVERY = 8_000;
/** Milliseconds between two actions of a client. */
const PAUSE = 20;
/** Access tokens run out while the traffic runs; what has run out is swept from the store every minute. */
const LIFETIMES = ["--access-ttl", "60s", "--refresh-ttl", "5m"];

/** @param tell called with each sample @throws when an answer is wrong, or the program fails */
export async function soak(
  ms: number,
  sampleEvery: number,
  tell: (sample: Sample) => void,
): Promise<SoakResult> {
  await using program = await startProgram(
    [
      "--tunnel",
      "none",
      "--store",
      "memory",
      "--token",
      PASTED,
      "--quiet",
      ...LIFETIMES,
      fixture("obedient"),
    ],
    { env: { BUN_OPTIONS: `--preload ${join(import.meta.dir, "count-timers.ts")}` } },
  );
  const started = performance.now();
  const elapsed = () => performance.now() - started;
  let actions = 0;
  const take = async (): Promise<Sample> => ({
    at: Math.round(elapsed() / 1_000),
    memory: readMemory(program.pid),
    descriptors: countDescriptors(program.pid),
    timers: await countTimers(program),
    processes: listDescendants(program.pid).filter(isRunning).length,
    actions,
  });

  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => createTrafficClient(program, PASTED)),
  );
  for (const client of clients) for (let warm = 0; warm < 13; warm++) await client.act();
  const before = await take();
  const samples: Sample[] = [];
  const work = clients.map(async (client) => {
    while (elapsed() < ms) {
      await client.act();
      actions++;
      // A rate that leaves the machine to others, so that half an hour of it can run beside work.
      await Bun.sleep(PAUSE);
    }
  });
  const watching = (async () => {
    let crashed = -Infinity;
    while (elapsed() < ms) {
      if (elapsed() - crashed > CRASH_EVERY) {
        crashed = elapsed();
        await crashServer(program, PASTED);
      }
      await Bun.sleep(Math.min(sampleEvery, Math.max(ms - elapsed(), 0)));
      const sample = await take();
      samples.push(sample);
      tell(sample);
    }
  })();
  await Promise.all([...work, watching]);
  await until("connections are let go", () => countDescriptors(program.pid) <= before.descriptors + 10);
  return { samples, before, after: await take() };
}

async function countTimers(program: Program): Promise<number> {
  const told = () => [...program.stderr().matchAll(/^timers (\d+)$/gm)];
  const { length } = told();
  process.kill(program.pid, "SIGUSR2");
  await until("the timers are told", () => told().length > length);
  return Number(told().at(-1)?.[1]);
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const MB = 1024 * 1024;

/** What has grown that should not have, for people; empty when all is flat. */
export function findGrowth({ samples, before, after }: SoakResult): string[] {
  const third = Math.ceil(samples.length / 3);
  const growth = (read: (sample: Sample) => number) =>
    median(samples.slice(-third).map(read)) - median(samples.slice(0, third).map(read));
  const limits: [what: string, grown: number, limit: number][] = [
    ["memory under load (MB)", growth(({ memory }) => memory) / MB, 32],
    ["file descriptors under load", growth(({ descriptors }) => descriptors), 10],
    ["timers under load", growth(({ timers }) => timers), 10],
    ["processes under load", growth(({ processes }) => processes), 2],
    ["file descriptors afterwards", after.descriptors - before.descriptors, 10],
    ["timers afterwards", after.timers - before.timers, 10],
    ["processes afterwards", after.processes - before.processes, 2],
  ];
  return limits
    .filter(([, grown, limit]) => grown > limit)
    .map(([what, grown, limit]) => `${what}: ${Math.round(grown)} more, at most ${limit} are no growth`);
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

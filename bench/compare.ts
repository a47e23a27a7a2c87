// `bun bench/compare.ts BEFORE [AFTER] [--rounds=N] [--only="1 MB"] [--skip-memory]`: two builds of mcp-expose on one
// machine, taking turns. Each round samples one right after the other, so that the machine's other work slows both; a
// figure is the median of the rounds' ratios. AFTER is dist/mcp-expose if it is not named. Linux only.
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createOurs, type Contender, type Running } from "./contenders.ts";
import { sessionCall, statelessCall, STATELESS_HEADERS } from "./mcp.ts";
import { measureMemory, type Memory } from "./memory.ts";
import { readCpu } from "./process-facts.ts";
import { median } from "./sample.ts";
import { measureStartUps } from "./start-up.ts";
import { openCaller, type Caller, type Load, type Target } from "./wire.ts";

type Started = Running & { first: Target };

interface Sample {
  perSecond: number;
  /** Microseconds of processor time of the bridge. */
  cpu: number;
}

const LOADS: Readonly<Record<string, Load & { isStateless?: true }>> = {
  "1 KB, one at a time": { concurrency: 1, size: 1024, body: sessionCall },
  "1 KB, 32 at a time": { concurrency: 32, size: 1024, body: sessionCall },
  "1 MB, one at a time": { concurrency: 1, size: 1_000_000, body: sessionCall },
  "1 KB, 32 at a time, 2026-07-28": { concurrency: 32, size: 1024, body: statelessCall, isStateless: true },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "15" },
    "sample-ms": { type: "string", default: "700" },
    "skip-memory": { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});
const [beforePath, afterPath = join(import.meta.dir, "../dist/mcp-expose")] = positionals;
if (beforePath === undefined)
  throw new Error("Name the program of before: bun bench/compare.ts BEFORE [AFTER]");
const rounds = Number(values.rounds);
const sampleMs = Number(values["sample-ms"]);

const folder = await mkdtemp(join(tmpdir(), "mcp-expose-compare-"));
try {
  const before = await createBuild(beforePath, "before");
  const after = await createBuild(afterPath, "after");
  const started: Started[] = [];
  try {
    for (const build of [before, after]) started.push(await build.start());
    await compareRates(started[0]!, started[1]!);
  } finally {
    for (const { stop } of started) await stop();
  }
  const effort = { rounds: Math.min(rounds, 9), sampleMs, quick: false };
  const startUps = await measureStartUps([before, after], effort);
  console.table({ "first answered call, ms": { before: startUps["before"], after: startUps["after"] } });
  if (!values["skip-memory"]) await compareMemory(before, after);
} finally {
  await rm(folder, { recursive: true });
}

/** A copy, so that a build meanwhile changes nothing. */
async function createBuild(path: string, name: string): Promise<Contender> {
  const program = join(folder, name);
  await copyFile(path, program);
  return createOurs([program], folder, name);
}

async function compareRates(before: Started, after: Started): Promise<void> {
  const table: Record<string, Record<string, number>> = {};
  for (const [name, { isStateless, ...load }] of Object.entries(LOADS)) {
    if (!name.startsWith(values.only)) continue;
    const open = (running: Started) =>
      openCaller(isStateless ? withoutSession(running) : running.first, load);
    const callers = [await open(before), await open(after)] as const;
    const sampleBoth = async (isSwapped: boolean) => {
      const order = isSwapped ? [1, 0] : [0, 1];
      const both: Sample[] = [];
      for (const index of order) both[index] = await sample(callers[index]!, [before, after][index]!);
      return both as [Sample, Sample];
    };
    await sampleBoth(false);
    const samples: [Sample, Sample][] = [];
    for (let round = 0; round < rounds; round++) samples.push(await sampleBoth(round % 2 === 1));
    for (const caller of callers) caller.close();
    table[name] = {
      "before, calls/s": Math.round(median(samples.map(([one]) => one.perSecond))),
      "after, calls/s": Math.round(median(samples.map(([, other]) => other.perSecond))),
      "calls, after ÷ before": round(median(samples.map(([one, other]) => other.perSecond / one.perSecond))),
      "CPU a call, after ÷ before": round(median(samples.map(([one, other]) => other.cpu / one.cpu))),
    };
  }
  console.table(table);
}

async function sample(caller: Caller, { pid }: Started): Promise<Sample> {
  const cpuBefore = readCpu(pid);
  const start = performance.now();
  const { length } = await caller.run((_, elapsed) => elapsed >= sampleMs);
  const perSecond = (length * 1_000) / (performance.now() - start);
  return { perSecond, cpu: ((readCpu(pid) - cpuBefore) * 1_000) / length };
}

async function compareMemory(before: Contender, after: Contender): Promise<void> {
  const effort = { rounds: 3, sampleMs, quick: false };
  const [one, other] = await Promise.all([measureMemory(before, effort), measureMemory(after, effort)]);
  const names = Object.keys(one) as (keyof Memory)[];
  console.table(
    Object.fromEntries(names.map((name) => [`${name}, MB`, { before: one[name], after: other[name] }])),
  );
}

function withoutSession({ target: { url, headers } }: Running): Target {
  return { url, headers: { ...headers, ...STATELESS_HEADERS } };
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

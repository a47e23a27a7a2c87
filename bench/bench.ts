// `npm run bench`: measures mcp-expose beside the other bridges, in one run and taking turns, and says whether it
// keeps what it promises. Prints tables, writes bench/results/latest.json and bench/plots/*.svg.
// `--quick` only sees whether everything runs: its figures mean nothing. `--source` measures the source instead of
// the compiled program. Linux only: memory and processor time are read from /proc.
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { $ } from "bun";
import { createContenders, createOurs, type Contender, type Running } from "./contenders.ts";
import { measureGrowth, type Field } from "./growth.ts";
import { measureIdleStreams } from "./idle-streams.ts";
import { sessionCall, statelessCall, STATELESS_HEADERS } from "./mcp.ts";
import { measureMemory } from "./memory.ts";
import { installPeers } from "./peers.ts";
import { drawPlot } from "./plot.ts";
import { measureRates, type Effort } from "./sample.ts";
import { measureStartUps } from "./start-up.ts";
import { measureTokenCheck } from "./token-check.ts";
import { judge, type Results } from "./verdicts.ts";
import { measureWatching } from "./watching.ts";
import type { Target } from "./wire.ts";

const ROOT = join(import.meta.dir, "..");
const { values: options } = parseArgs({
  options: { quick: { type: "boolean", default: false }, source: { type: "boolean", default: false } },
});
const effort: Effort = options.quick
  ? { rounds: 1, sampleMs: 50, quick: true }
  : { rounds: 7, sampleMs: 700, quick: false };

const folder = await mkdtemp(join(tmpdir(), "mcp-expose-bench-"));
try {
  await run(await installPeers());
} finally {
  await rm(folder, { recursive: true });
}

async function run(peers: Awaited<ReturnType<typeof installPeers>>): Promise<void> {
  const program = options.source
    ? [process.execPath, "--no-env-file", join(ROOT, "src/main.ts")]
    : [await compile()];
  const contenders = createContenders(program, peers, folder);
  const { ours, thin, mcpProxy, mcpProxyTuned, supergateway } = contenders;
  const all = Object.values(contenders);
  const bundle = createOurs(
    [process.execPath, join(ROOT, "dist/cli.js")],
    folder,
    "mcp-expose from npm, by Bun",
  );

  const rates = await withAll(all, async (field) => {
    const targets = (chosen: readonly Contender[]) => pick(field, chosen, ({ first }) => first);
    const load = { size: 1024, body: sessionCall };
    const oneAtATime = await measureRates(targets(all), { ...load, concurrency: 1 }, effort);
    show("1 KB, one at a time", oneAtATime);
    const manyAtATime = await measureRates(targets(all), { ...load, concurrency: 32 }, effort);
    show("1 KB, 32 at a time", manyAtATime);
    const largeTargets = targets(all.filter(({ takesLarge }) => takesLarge));
    const large = await measureRates(
      largeTargets,
      { concurrency: 1, size: 1_000_000, body: sessionCall },
      effort,
    );
    show("1 MB, one at a time", large);
    const modernTargets = pick(field, [ours, mcpProxy, mcpProxyTuned], withoutSession);
    const modern = await measureRates(
      modernTargets,
      { concurrency: 32, size: 1024, body: statelessCall },
      effort,
    );
    show("1 KB, 32 at a time, a client of 2026-07-28", modern);
    const growing = Object.fromEntries([ours, thin, mcpProxy].map(({ name }) => [name, field[name]!]));
    const plots = await measureGrowth(growing, folder, effort);
    return { oneAtATime, manyAtATime, large, modern, plots };
  });

  const startUps = await measureStartUps([thin, ours, bundle, mcpProxy, supergateway], effort);
  show("Milliseconds to the first answered call", startUps);
  // Most of it is rest, and nothing of it is timed.
  const [ownMemory, thinMemory, proxyMemory] = await Promise.all([
    measureMemory(ours, effort),
    measureMemory(thin, effort),
    measureMemory(mcpProxy, { ...effort, rounds: 1 }),
  ]);
  const memory = { [ours.name]: ownMemory, [thin.name]: thinMemory, [mcpProxy.name]: proxyMemory };
  show("Memory, MB", memory);
  const tokenCheck = await measureTokenCheck(effort.quick ? 10 : 1_000, folder, effort);
  show("Token check, µs", tokenCheck);
  const idleStreams = await measureIdleStreams(ours, effort);
  show("CPU at rest, ms a second", idleStreams);
  const watching = await measureWatching(program, folder, effort);
  show("With --watch", watching);
  const { plots, ...measured } = rates;
  await report({ ...measured, startUps, memory, tokenCheck, idleStreams, watching }, plots);
}

/** The compiled program, copied to where nobody builds over it meanwhile; the npm bundle is made too. */
async function compile(): Promise<string> {
  await $`bun scripts/build.ts && bun scripts/compile.ts`.cwd(ROOT).quiet();
  const program = join(folder, "mcp-expose");
  await copyFile(join(ROOT, "dist/mcp-expose"), program);
  return program;
}

async function withAll<T>(contenders: readonly Contender[], work: (field: Field) => Promise<T>): Promise<T> {
  const field: Record<string, Running & { first: Target }> = {};
  try {
    for (const contender of contenders) field[contender.name] = await contender.start();
    return await work(field);
  } finally {
    for (const { stop } of Object.values(field)) await stop();
  }
}

function pick(field: Field, chosen: readonly Contender[], targetOf: (running: Field[string]) => Target) {
  return Object.fromEntries(chosen.map(({ name }) => [name, targetOf(field[name]!)]));
}

function withoutSession({ target: { url, headers } }: Running): Target {
  return { url, headers: { ...headers, ...STATELESS_HEADERS } };
}

function show(title: string, figures: object): void {
  const round = (value: unknown): unknown => {
    if (typeof value === "number") return Number(value.toPrecision(4));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, round(member)]));
  };
  console.log(`\n${title}`);
  console.table(round(figures));
}

async function report(results: Results, plots: Awaited<ReturnType<typeof measureGrowth>>): Promise<void> {
  const verdicts = judge(results);
  console.log(effort.quick ? "\nA quick run: the figures mean nothing." : "\nWhat is promised");
  console.table(verdicts);
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memory: totalmem(), bun: Bun.version };
  const document = { at: new Date().toISOString(), quick: effort.quick, machine, verdicts, results, plots };
  await Bun.write(join(import.meta.dir, "results/latest.json"), JSON.stringify(document, null, 2));
  await mkdir(join(import.meta.dir, "plots"), { recursive: true });
  for (const [name, plot] of Object.entries(plots))
    await Bun.write(join(import.meta.dir, `plots/${name}.svg`), drawPlot(plot));
}

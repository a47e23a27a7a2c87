// Resident memory of the bridge's own process, megabytes: at rest, and what load leaves behind.
import type { Contender, Running } from "./contenders.ts";
import { sessionCall } from "./mcp.ts";
import { forgetPeak, readMemory, readPeak } from "./process-facts.ts";
import { median, type Effort } from "./sample.ts";
import { openCaller, type Load, type Target } from "./wire.ts";

export interface Memory {
  idle: number;
  /** Beyond idle, after 20,000 calls of 1 KB and a rest. */
  afterCalls: number;
  /** Beyond that, after 20,000 more: what is not the runtime's own warming up. */
  afterMore: number;
  /** Beyond what was before, with 100 sessions of one client open and a rest. */
  openSessions: number;
  /** The most while 32 calls of 1 MB are in flight. */
  largePeak: number | undefined;
}

const REST_MS = 3_000;
/** Memory is given back after five to ten seconds without a message; the runtime's compiler threads end after ten. */
const LONG_REST_MS = 15_000;
const MOST_ROUNDS = 5;

/** Each round has a fresh process. @returns medians */
export async function measureMemory(contender: Contender, { rounds, quick }: Effort): Promise<Memory> {
  const each: Memory[] = [];
  for (let round = 0; round < Math.min(rounds, MOST_ROUNDS); round++) {
    const calls = await withRunning(contender, (running) => measureCalls(running, quick));
    const openSessions = await withRunning(contender, (running) => measureSessions(running, quick));
    const largePeak = contender.takesLarge
      ? await withRunning(contender, (running) => measureLarge(running, quick))
      : undefined;
    each.push({ ...calls, openSessions, largePeak });
  }
  const of = (pick: (memory: Memory) => number) => median(each.map(pick));
  return {
    idle: of(({ idle }) => idle),
    afterCalls: of(({ afterCalls }) => afterCalls),
    afterMore: of(({ afterMore }) => afterMore),
    openSessions: of(({ openSessions }) => openSessions),
    largePeak: contender.takesLarge ? of(({ largePeak }) => largePeak ?? 0) : undefined,
  };
}

type Started = Running & { first: Target };

async function withRunning<T>(contender: Contender, work: (running: Started) => Promise<T>): Promise<T> {
  const running = await contender.start();
  try {
    return await work(running);
  } finally {
    await running.stop();
  }
}

async function measureCalls({ pid, first }: Started, quick: boolean) {
  const idle = await readAtRest(pid, quick);
  const load = { concurrency: 32, size: 1024, body: sessionCall };
  const count = quick ? 200 : 20_000;
  await callMany(first, load, count);
  const after = await readAtRest(pid, quick, LONG_REST_MS);
  await callMany(first, load, count);
  const afterMore = (await readAtRest(pid, quick, LONG_REST_MS)) - after;
  return { idle, afterCalls: after - idle, afterMore };
}

async function measureSessions({ pid, open }: Started, quick: boolean): Promise<number> {
  const before = await readAtRest(pid, quick);
  const bodies: Response[] = [];
  // A client keeps a stream open for what the server says unasked.
  for (let count = 0; count < (quick ? 3 : 100); count++) {
    const { url, headers } = await open();
    const stream = await fetch(url, { headers: { ...headers, accept: "text/event-stream" } });
    if (stream.ok) bodies.push(stream);
    else await stream.body?.cancel();
  }
  const after = await readAtRest(pid, quick);
  for (const { body } of bodies) await body?.cancel();
  return after - before;
}

async function measureLarge({ pid, first }: Started, quick: boolean): Promise<number> {
  await forgetPeak(pid);
  await callMany(first, { concurrency: 32, size: 1_000_000, body: sessionCall }, quick ? 32 : 640);
  return readPeak(pid);
}

async function callMany(target: Target, load: Load, count: number): Promise<void> {
  const caller = await openCaller(target, load);
  await caller.run((done) => done >= count);
  caller.close();
}

async function readAtRest(pid: number, quick: boolean, restMs = REST_MS): Promise<number> {
  await Bun.sleep(quick ? 50 : restMs);
  return readMemory(pid);
}

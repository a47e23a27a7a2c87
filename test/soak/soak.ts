// Mixed traffic for as long as one likes, with what the program costs looked at all along: it may not grow.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixture, until } from "../eras/wire.ts";
import { countDescriptors, listDescendants, readMemory } from "../faults/machine.ts";
import { startProgram, type Program } from "../program.ts";
import type { Sample, SoakResult } from "./growth.ts";
import { crashServer, createTrafficClient } from "./traffic.ts";

const PASTED = "paste-me-please";
const CLIENTS = 4;
/** Rounds of all actions before the first look. */
const WARM_UP = 3;
/** Milliseconds between two actions of a client: a rate that leaves the machine to others. */
const PAUSE = 20;
/**
 * Milliseconds between two crashes of a server, and between two approvals, which are for one client after the other.
 * Both are new clients' each time, and from one address no more than 60 of those may come in ten minutes; here it is 45.
 */
const CRASH_EVERY = 20_000;
const APPROVAL_EVERY = 60_000;
/**
 * Access tokens run out while the traffic runs; what has run out is swept from the store every minute. A grant ends for
 * good after four times the life of a refresh token: twenty minutes, of which a client uses four.
 */
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
    { env: { BUN_OPTIONS: `"--preload=${join(import.meta.dir, "count-timers.ts")}"` } },
  );
  let actions = 0;
  let crashes = 0;
  const crash = async () => {
    await crashServer(program, PASTED);
    crashes++;
  };
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => createTrafficClient(program, PASTED)),
  );
  for (const client of clients) for (let round = 0; round < WARM_UP; round++) await client.actAll();
  await crash();

  const started = performance.now();
  const elapsed = () => performance.now() - started;
  const take = async (): Promise<Sample> => ({
    at: Math.round(elapsed() / 1_000),
    memory: readMemory(program.pid),
    descriptors: countDescriptors(program.pid),
    timers: await countTimers(program),
    processes: listDescendants(program.pid).filter(isRunning).length,
    actions,
  });
  /** Does something now, and again at each interval until time is up. */
  const repeat = async (interval: number, act: () => unknown) => {
    for (let due = 0; due < ms; due = Math.max(due + interval, elapsed())) {
      await Bun.sleep(Math.max(due - elapsed(), 0));
      await act();
    }
  };

  const before = await take();
  const samples: Sample[] = [];
  let approvals = 0;
  await Promise.all([
    ...clients.map(async (client) => {
      while (elapsed() < ms) {
        await client.act();
        actions++;
        await Bun.sleep(PAUSE);
      }
    }),
    repeat(CRASH_EVERY, crash),
    repeat(APPROVAL_EVERY, () => clients[approvals++ % CLIENTS]!.approveSoon()),
    repeat(sampleEvery, async () => {
      const sample = await take();
      samples.push(sample);
      tell(sample);
    }),
  ]);
  // Anything that is never released is reported as growth.
  await until("connections are let go", () => countDescriptors(program.pid) <= before.descriptors + 10).catch(
    () => {},
  );
  await until("the crashes are reported", () => countLost(program) >= crashes);
  return { samples, before, after: await take(), crashes, lost: countLost(program) };
}

function countLost({ events }: Program): number {
  return events.filter((event) => event.event === "child" && event.state === "exited" && !event.isOurs)
    .length;
}

async function countTimers(program: Program): Promise<number> {
  const told = () => [...program.stderr().matchAll(/^timers (\d+)$/gm)];
  const { length } = told();
  process.kill(program.pid, "SIGUSR2");
  await until("the timers are printed", () => told().length > length);
  return Number(told().at(-1)?.[1]);
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

// How many requests came in over the tunnel this calendar month, over restarts, and one warning before a free plan's end.
// A few requests may be missing after a crash: the count is written now and then, not with each.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

export interface QuotaOptions {
  /** Where the count is kept. */
  file: string;
  /** What the plan allows in a month. */
  limit: number;
  now(): number;
  /** Called once in a month, when 80 % of `limit` are used up. */
  warn(count: number, limit: number): void;
}

export interface Quota {
  /** One more request. */
  count(): void;
  /** Writes down what is not written yet. Never rejects: a count is not worth an error. */
  close(): Promise<void>;
}

interface Month {
  /** Such as `2026-11`, in UTC, as plans are counted. */
  month: string;
  requests: number;
  warned: boolean;
}

const WARN_AT = 0.8;
const SAVE_EVERY = 30_000;

export async function createQuota({ file, limit, now, warn }: QuotaOptions): Promise<Quota> {
  const current = () => new Date(now()).toISOString().slice(0, 7);
  let known = await load(file, current());
  /** Counted here and not yet in the file, which another program of ours may be counting in as well. */
  let fresh = 0;
  let saving = Promise.resolve();

  const save = async () => {
    if (fresh === 0) return;
    const adding = fresh;
    const month = current();
    const stored = await load(file, month);
    const warned = stored.warned || (known.warned && known.month === month);
    known = { month, requests: stored.requests + adding, warned };
    fresh -= adding;
    await store(file, known);
  };
  const saveSoon = () => (saving = saving.then(save).catch(() => {}));
  const timer = setInterval(() => void saveSoon(), SAVE_EVERY);
  timer.unref();

  return {
    count() {
      if (known.month !== current()) {
        known = { month: current(), requests: 0, warned: false };
        fresh = 0;
      }
      fresh++;
      const requests = known.requests + fresh;
      if (known.warned || requests < limit * WARN_AT) return;
      known.warned = true;
      warn(requests, limit);
      void saveSoon();
    },
    async close() {
      clearInterval(timer);
      await saveSoon();
    },
  };
}

/** A file of another month, a broken one and a missing one all mean nothing counted. */
async function load(file: string, month: string): Promise<Month> {
  try {
    const { month: of, requests, warned } = JSON.parse(await readFile(file, "utf8")) as Partial<Month>;
    if (of === month && Number.isSafeInteger(requests))
      return { month, requests: requests!, warned: warned === true };
  } catch {
    // Nothing counted.
  }
  return { month, requests: 0, warned: false };
}

/** Whole or not at all, for whoever reads it at the same time. */
async function store(file: string, month: Month): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(draft, `${JSON.stringify(month)}\n`);
  await rename(draft, file);
}

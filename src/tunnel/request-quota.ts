// Counts the requests that came through the tunnel this calendar month, across restarts, and warns once before a free plan
// is used up. A few requests may be missing after a crash: the count is saved every 30 s, not with each request.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

export interface QuotaOptions {
  /** The file that keeps the count. */
  file: string;
  /** The requests that the plan allows in a month. */
  limit: number;
  now(): number;
  /** Called once a month, when 80 % of `limit` are used up. */
  warn(count: number, limit: number): void;
}

export interface RequestQuota {
  /** One more request. */
  count(): void;
  /** Saves what is not saved yet. Never rejects: a count is not worth an error. */
  close(): Promise<void>;
}

interface MonthlyCount {
  /** Such as `2026-11`, in UTC, as providers count. */
  month: string;
  requests: number;
  warned: boolean;
}

const WARN_AT = 0.8;
const SAVE_EVERY = 30_000;

export async function createRequestQuota({ file, limit, now, warn }: QuotaOptions): Promise<RequestQuota> {
  const current = () => new Date(now()).toISOString().slice(0, 7);
  let known = await load(file, current());
  /** Counted here and not yet saved; another mcp-expose may count in the same file. */
  let unsaved = 0;
  let saving = Promise.resolve();

  const save = async () => {
    if (unsaved === 0) return;
    const adding = unsaved;
    const month = current();
    const stored = await load(file, month);
    const warned = stored.warned || (known.warned && known.month === month);
    known = { month, requests: stored.requests + adding, warned };
    unsaved -= adding;
    await store(file, known);
  };
  const saveSoon = () => (saving = saving.then(save).catch(() => {}));
  const timer = setInterval(() => void saveSoon(), SAVE_EVERY);
  timer.unref();

  return {
    count() {
      if (known.month !== current()) {
        known = { month: current(), requests: 0, warned: false };
        unsaved = 0;
      }
      unsaved++;
      const requests = known.requests + unsaved;
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

/** The count is zero if the file is missing, broken or of another month. */
async function load(file: string, month: string): Promise<MonthlyCount> {
  try {
    const { month: of, requests, warned } = JSON.parse(await readFile(file, "utf8")) as Partial<MonthlyCount>;
    if (of === month && Number.isSafeInteger(requests))
      return { month, requests: requests!, warned: warned === true };
  } catch {
    // Missing or broken.
  }
  return { month, requests: 0, warned: false };
}

/** Replaces the file as a whole: another mcp-expose may read it at the same time. */
async function store(file: string, month: MonthlyCount): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(draft, `${JSON.stringify(month)}\n`);
  await rename(draft, file);
}

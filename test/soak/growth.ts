// Whether what was sampled has grown. Looked at are the medians of the four quarters of a run, since memory goes up and
// down with every collection, and the rest before and after it.

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
  /** Server processes that were made to crash. */
  crashes: number;
  /** Server processes that ended by themselves, these included. */
  lost: number;
}

export interface Growth {
  what: string;
  /** In the order of time: four quarters, or before and after. */
  figures: readonly number[];
  /** From the first figure to the last. */
  grown: number;
  /** Growth up to this is ignored. */
  limit: number;
}

const MB = 1024 * 1024;

type Measure = [what: string, read: (sample: Sample) => number, limit: number];

/** The first quarter contains the runtime's warming up, for which docs/performance.md has a figure. */
const MEMORY: Measure = ["memory (MB)", ({ memory }) => Math.round(memory / MB), 32];
const COUNTS: Measure[] = [
  ["file descriptors", ({ descriptors }) => descriptors, 10],
  ["timers", ({ timers }) => timers, 10],
  ["processes", ({ processes }) => processes, 2],
];

/** The usage in each quarter of the run. @param samples four at least */
export function measureLoad(samples: readonly Sample[]): Growth[] {
  const quarters = [0, 1, 2, 3].map((quarter) =>
    samples.slice((quarter * samples.length) / 4, ((quarter + 1) * samples.length) / 4),
  );
  return [MEMORY, ...COUNTS].map(([what, read, limit]) =>
    compare(
      what,
      quarters.map((quarter) => median(quarter.map(read))),
      limit,
    ),
  );
}

/** The resources left at the end. Memory is not one: a runtime keeps the memory it once had. */
export function measureRest({ before, after }: Pick<SoakResult, "before" | "after">): Growth[] {
  return COUNTS.map(([what, read, limit]) => compare(`${what} at rest`, [before, after].map(read), limit));
}

function compare(what: string, figures: readonly number[], limit: number): Growth {
  return { what, figures, grown: figures.at(-1)! - figures[0]!, limit };
}

/** The growth that should not be, for people; empty when all is flat. */
export function findFaults(result: SoakResult): string[] {
  const { samples, crashes, lost } = result;
  const faults = [...measureLoad(samples), ...measureRest(result)]
    .filter(({ grown, limit }) => grown > limit)
    .map(({ what, grown, limit }) => `${what}: ${grown} more, at most ${limit} are not growth`);
  if (lost !== crashes)
    faults.push(`server processes that ended by themselves: ${lost}, of which ${crashes} were made to`);
  return faults;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

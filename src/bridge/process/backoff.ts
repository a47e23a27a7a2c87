// How long to wait before a crashed server is started again.

export interface Backoff {
  /** Milliseconds to wait before the next start. */
  next(): number;
}

const STEPS = [0, 250, 1_000, 4_000, 15_000, 30_000];
/** A process that lived this long was well: the next wait begins at the first step again. */
const WELL_AFTER = 60_000;

/** The first restart is immediate, later ones wait longer, up to 30 s. */
export function createBackoff(now: () => number): Backoff {
  let step = 0;
  let last = now();
  return {
    next() {
      if (now() - last > WELL_AFTER) step = 0;
      last = now();
      return STEPS[Math.min(step++, STEPS.length - 1)]!;
    },
  };
}

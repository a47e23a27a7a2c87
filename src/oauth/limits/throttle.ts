// Slows down guessing and flooding: so many events per key and window, then a wait.
import type { Later } from "../../store/store.ts";

export interface Throttle {
  /** Milliseconds until the key may go on; 0 when it may now. */
  waitOf(key: string): number;
  /** Counts one event. Count before the slow part, so that many at once cannot slip through. */
  count(key: string): void;
  /** Takes one event back, for an attempt that turned out to be fine. */
  forgive(key: string): void;
}

export interface ThrottleOptions {
  limit: number;
  windowMs: number;
  now: () => number;
}

/** Keys remembered at once; a flood of new ones drops the oldest. */
const MAX_KEYS = 10_000;

export function createThrottle({ limit, windowMs, now }: ThrottleOptions): Throttle {
  const windows = new Map<string, { count: number; endsAt: number }>();
  const current = (key: string) => {
    const window = windows.get(key);
    const left = window === undefined ? 0 : window.endsAt - now();
    // More than a whole window is left only when the clock was put back.
    return left > 0 && left <= windowMs ? window : undefined;
  };
  return {
    waitOf: (key) => {
      const window = current(key);
      return window && window.count >= limit ? window.endsAt - now() : 0;
    },
    count: (key) => {
      const window = current(key);
      if (window) {
        window.count += 1;
        return;
      }
      windows.delete(key);
      windows.set(key, { count: 1, endsAt: now() + windowMs });
      const [oldest] = windows.keys();
      if (windows.size > MAX_KEYS && oldest !== undefined) windows.delete(oldest);
    },
    forgive: (key) => {
      const window = current(key);
      if (window) window.count -= 1;
    },
  };
}

/** Takes a step that counts from its beginning, so that many at once cannot slip through, and only if it comes true. */
export async function countIfTrue(
  throttle: Throttle,
  key: string,
  step: () => Later<boolean>,
): Promise<boolean> {
  let isTrue = false;
  throttle.count(key);
  try {
    isTrue = await step();
    return isTrue;
  } finally {
    if (!isTrue) throttle.forgive(key);
  }
}

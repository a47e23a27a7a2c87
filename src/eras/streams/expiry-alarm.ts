// One timer for the ends of many credentials, so that a thousand streams do not have one each.

export interface ExpiryAlarm {
  /** Rings at a time, in milliseconds since the epoch, unless it rings earlier. */
  expect(at: number | undefined): void;
  close(): void;
}

export interface ExpiryAlarmOptions {
  now(): number;
  /** A time that was expected has come. @returns the next one */
  ring(now: number): number | undefined;
}

/** The most a timer can wait, in milliseconds: with more it would not wait at all. */
export const LONGEST_WAIT = 2 ** 31 - 1;

export function createExpiryAlarm({ now, ring }: ExpiryAlarmOptions): ExpiryAlarm {
  let next: { at: number; timer: Timer } | undefined;

  const expect = (at: number | undefined) => {
    if (at === undefined || (next !== undefined && next.at <= at)) return;
    clearTimeout(next?.timer);
    // Timers do not follow the clock when it is set, so a caller that must be sure looks from time to time as well.
    const timer = setTimeout(wake, Math.min(Math.max(at - now(), 0), LONGEST_WAIT), at);
    timer.unref();
    next = { at, timer };
  };

  function wake(at: number) {
    next = undefined;
    expect(now() < at ? at : ring(now()));
  }

  return {
    expect,
    close: () => clearTimeout(next?.timer),
  };
}

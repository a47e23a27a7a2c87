// When a server process that has ended is started again: at once at first, later and later while it keeps ending.
import { createBackoff } from "./backoff.ts";

export interface RestartSchedule {
  /** Starts it after the wait that its end has earned. */
  restart(): void;
  /** It is not started until a message needs it; if anonymous callers use it, not before its wait is over. */
  rest(): void;
  /** A message needs it. */
  wake(): void;
  stop(): void;
}

export interface RestartScheduleOptions {
  now(): number;
  /** Anonymous callers use it: they must not make it start all the time. */
  isPublic: boolean | undefined;
  /** A start has been scheduled. */
  onScheduled(inMs: number): void;
  start(): void;
}

export function createRestartSchedule(options: RestartScheduleOptions): RestartSchedule {
  const { now, isPublic, onScheduled, start } = options;
  const backoff = createBackoff(now);
  let restsUntil = 0;
  let timer: Timer | undefined;

  function startIn(inMs: number): void {
    onScheduled(inMs);
    timer = setTimeout(start, inMs);
  }

  return {
    restart: () => startIn(backoff.next()),
    rest() {
      if (isPublic) restsUntil = now() + backoff.next();
    },
    wake: () => startIn(Math.max(0, restsUntil - now())),
    stop: () => clearTimeout(timer),
  };
}

// Work on the store that timers start and no request depends on: never two runs at once, since the second would begin
// from what the first has read, and never an unhandled rejection.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Later } from "../../store/store.ts";
import { Refusal } from "../failure.ts";

/** Calls `work` every `ms` milliseconds. @returns what stops it */
export type Schedule = (work: () => void, ms: number) => () => void;

/** Does not keep the program from ending. */
export const scheduleEvery: Schedule = (work, ms) => {
  const timer = setInterval(work, ms);
  timer.unref();
  return () => clearInterval(timer);
};

export interface BackgroundTask {
  /**
   * Runs the work. While a run is under way, all who call this share the one after it. Never fails, and is over at once if
   * the work is.
   */
  run(): Later<void>;
  /** Waits for the run that is under way. */
  settle(): Later<void>;
}

/** @param purpose what the log says could not be done, such as "clean up the store" */
export function createBackgroundTask(work: () => Later<void>, purpose: string, log: Log): BackgroundTask {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  // A failure of the store is in the log already (store-failure.ts). The next run tries again.
  const report = (thrown: unknown) => {
    if (!(thrown instanceof Refusal)) log.warn(`Could not ${purpose}: ${messageOf(thrown)}`);
  };
  function start(): Later<void> {
    try {
      const done = work();
      if (!(done instanceof Promise)) return;
      running = done.catch(report).finally(() => (running = undefined));
      return running;
    } catch (thrown) {
      report(thrown);
    }
  }
  function run(): Later<void> {
    if (running === undefined) return start();
    next ??= running.then(() => {
      next = undefined;
      return run();
    });
    return next;
  }
  return { run, settle: () => next ?? running };
}

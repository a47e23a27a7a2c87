// Restarts one at a time: those that are asked for during one are one more, after it.
import type { LaunchReport } from "../bridge.ts";

export interface Restarts {
  /** Resolves when the restart that this asks for is over. */
  request(reason: string): Promise<LaunchReport>;
  readonly isUnderWay: boolean;
  /** Resolves when none is under way. */
  settled(): Promise<void>;
}

export function createRestarts(restart: (reason: string) => Promise<LaunchReport>): Restarts {
  let running: Promise<LaunchReport> | undefined;
  let queued: Promise<LaunchReport> | undefined;

  function start(reason: string): Promise<LaunchReport> {
    running = restart(reason).finally(() => (running = undefined));
    return running;
  }

  return {
    request(reason) {
      if (running === undefined) return start(reason);
      queued ??= running.then(() => {
        queued = undefined;
        return start(reason);
      });
      return queued;
    },
    get isUnderWay() {
      return running !== undefined || queued !== undefined;
    },
    async settled() {
      for (let under = running ?? queued; under !== undefined; under = running ?? queued) await under;
    },
  };
}

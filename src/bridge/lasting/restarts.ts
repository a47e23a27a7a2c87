// Launches and restarts of the server, one at a time: the last one that was asked for decides. What is asked for while the
// old processes end is the same restart, and one that comes before a launch has answered takes its place.
import type { LaunchReport } from "../bridge.ts";

export interface Restarts {
  launch(): Promise<LaunchReport>;
  /** Resolves with the outcome of the last launch there is when it is known. */
  request(reason: string): Promise<LaunchReport>;
  /** Whether the old processes are ending, and no new one has been started. */
  readonly isEnding: boolean;
  /** Resolves when they have ended and the next launch has begun. */
  begun(): Promise<void>;
  /** Whether the outcome of the last launch is known, and no other one is to come. */
  readonly isDecided: boolean;
  /** Nothing is launched any more. */
  close(): void;
}

export interface RestartsOptions {
  /** Ends all processes. */
  end(reason: string): Promise<void>;
  /** Launches the server; what is called next finds the new processes as soon as it has returned. */
  start(): Promise<LaunchReport>;
}

export function createRestarts({ end, start }: RestartsOptions): Restarts {
  let ending: Promise<void> | undefined;
  let outcome = Promise.withResolvers<LaunchReport>();
  let isDecided = false;
  let launches = 0;
  let isClosed = false;

  async function launch(): Promise<void> {
    const own = ++launches;
    const report = await start();
    if (own !== launches) return;
    isDecided = true;
    outcome.resolve(report);
  }

  async function endAndLaunch(reason: string): Promise<void> {
    // The outcome of a launch that is under way decides nothing any more.
    launches++;
    try {
      await end(reason);
    } finally {
      ending = undefined;
    }
    if (!isClosed) launch().catch(outcome.reject);
  }

  return {
    launch() {
      launch().catch(outcome.reject);
      return outcome.promise;
    },
    request(reason) {
      if (isClosed) return outcome.promise;
      if (isDecided) outcome = Promise.withResolvers();
      isDecided = false;
      ending ??= endAndLaunch(reason).catch(outcome.reject);
      return outcome.promise;
    },
    get isEnding() {
      return ending !== undefined;
    },
    async begun() {
      for (let under = ending; under !== undefined; under = ending) await under;
    },
    get isDecided() {
      return isDecided;
    },
    close() {
      isClosed = true;
      launches++;
      outcome.resolve({ outcome: "stopped" });
    },
  };
}

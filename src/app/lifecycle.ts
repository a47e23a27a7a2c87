// The one place that opens what a run is made of, says `ready` or fails, and closes it all, the last first.
// Starting → ready → closing: `ready` is said once the server has answered and never after a failure, and a start that
// failed is closed before it rejects.
import { settlesWithin } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";

export interface LifecycleOptions<Ready> {
  /** Gives the start up; later it is not looked at. */
  signal: AbortSignal;
  log: Pick<Log, "debug" | "warn">;
  /** Says `ready`, for the first time or again. */
  onReady(ready: Ready): void;
  /** Says that the start has failed; everything is closed. Not called for a start that `signal` gave up. */
  onFailed(thrown: unknown): void;
  /** Says that a program that was ready has stopped; everything is closed. */
  onStopped(): void;
  /** The most milliseconds that one step may take to close. */
  closeWithin?: number;
}

export interface Lifecycle<Ready> {
  /** Aborts when closing begins: whatever is still being opened gives up. */
  readonly signal: AbortSignal;
  isReady(): boolean;
  /**
   * Takes one step of the start, and closes what it opened when the run ends.
   *
   * @param what names the step in a log line: "the tunnel"
   * @throws what `open` throws, or why the start has failed meanwhile
   */
  open<T>(what: string, open: () => T | Promise<T>, close: (opened: T) => unknown): Promise<T>;
  /** The run cannot go on: a start rejects with `error`, a program that is ready stops with status 1. */
  fail(error: unknown): void;
  /**
   * Says `ready` as soon as `answered` resolves.
   *
   * @param describe called each time `ready` is said, right before
   * @throws what `answered` rejects with, or why the start has failed meanwhile
   */
  ready(answered: Promise<unknown>, describe: () => Ready): Promise<Ready>;
  /** `ready` has become untrue: says it again, if it has been said. */
  changed(): void;
  /** Resolves with the exit status when a program that was ready has stopped. */
  readonly stopped: Promise<number>;
  /** Closes everything. */
  stop(status: number): Promise<void>;
}

interface Step {
  what: string;
  close(): Promise<unknown>;
}

/** Server processes get three seconds to end, a tunnel a few more. */
const CLOSE_WITHIN = 10_000;

/**
 * Runs `start`, which must end by saying `ready`.
 *
 * @throws what `start` throws or why it failed, when everything is closed
 */
export async function runLifecycle<Ready, T>(
  options: LifecycleOptions<Ready>,
  start: (lifecycle: Lifecycle<Ready>) => Promise<T>,
): Promise<T> {
  const { lifecycle, close } = createLifecycle(options);
  try {
    return await start(lifecycle);
  } catch (thrown) {
    if (lifecycle.isReady()) await lifecycle.stop(1);
    else {
      await close();
      if (!options.signal.aborted) options.onFailed(thrown);
    }
    throw thrown;
  }
}

function createLifecycle<Ready>(options: LifecycleOptions<Ready>) {
  const { signal, log, onReady, onStopped, closeWithin = CLOSE_WITHIN } = options;
  const steps: Step[] = [];
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  let hasFailed = false;
  const stopped = Promise.withResolvers<number>();
  const closing = new AbortController();
  /** Present once the program is ready. */
  let describeReady: (() => Ready) | undefined;
  let closed: Promise<void> | undefined;

  const failStart = (reason: unknown) => {
    hasFailed = true;
    failure.reject(reason);
  };
  const abandon = () => failStart(signal.reason);
  if (signal.aborted) abandon();
  signal.addEventListener("abort", abandon, { once: true });

  const close = () => {
    signal.removeEventListener("abort", abandon);
    closing.abort();
    return (closed ??= closeSteps(steps, log, closeWithin));
  };
  const stop = async (status: number) => {
    const isFirst = closed === undefined;
    await close();
    if (!isFirst) return;
    onStopped();
    stopped.resolve(status);
  };

  const lifecycle: Lifecycle<Ready> = {
    signal: closing.signal,
    isReady: () => describeReady !== undefined,
    async open(what, open, close) {
      // A start that has failed opens nothing more.
      if (hasFailed) return failure.promise;
      const opening = (async () => open())();
      steps.push({ what, close: () => opening.then(close, () => {}) });
      return Promise.race([opening, failure.promise]);
    },
    fail(error) {
      if (describeReady === undefined) failStart(error);
      else void stop(1);
    },
    async ready(answered, describe) {
      await Promise.race([failure.promise, answered]);
      if (hasFailed) return failure.promise;
      describeReady = describe;
      signal.removeEventListener("abort", abandon);
      const ready = describe();
      onReady(ready);
      return ready;
    },
    changed() {
      if (describeReady !== undefined && closed === undefined) onReady(describeReady());
    },
    stopped: stopped.promise,
    stop,
  };
  return { lifecycle, close };
}

/** The last first. A step that does not close keeps none of the others open. */
async function closeSteps(steps: Step[], log: LifecycleOptions<unknown>["log"], ms: number): Promise<void> {
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    const { what } = step;
    const closing = step.close().catch((thrown: unknown) => {
      log.warn(`Could not close ${what}: ${messageOf(thrown)}`);
    });
    if (!(await settlesWithin(closing, ms)))
      log.warn(`Gave up closing ${what}: it took longer than ${ms / 1000} s.`);
  }
}

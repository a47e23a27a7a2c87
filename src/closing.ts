// Closing what was opened, backwards, whatever happens on the way.

export interface Closing {
  add(close: () => unknown): void;
  /** Closes what was added, the last first. What fails to close does not keep the rest open. */
  close(): Promise<void>;
}

export function createClosing(): Closing {
  const closers: (() => unknown)[] = [];
  return {
    add: (close) => void closers.push(close),
    async close() {
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
        await Promise.resolve()
          .then(close)
          .catch(() => {});
      }
    },
  };
}

/** @throws what `signal` was aborted with, as soon as it is */
export async function orAbort<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Never resolves; rejects as `work` does. */
export function failureOf(work: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => void work.catch(reject));
}

// Bounds what waits for a server that is being started: messages stay in memory until they can be sent on.

export interface WaitingRoom {
  /** Bytes of the messages that wait. */
  readonly bytes: number;
  /** @returns gives the room back, once however often it is called; `undefined` when there is none */
  enter(bytes: number): (() => void) | undefined;
  /**
   * Waits for `work`; `undefined` when there is no room to wait, or the caller has gone.
   *
   * @param drop takes what `work` resolves with after the caller has gone
   */
  wait<T>(work: () => Promise<T>, waiter: Waiting, drop?: (late: T) => void): Promise<T | undefined>;
}

export interface Waiting {
  readonly bytes: number;
  /** The caller has gone. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that may wait together. */
const MOST = 64 * 1024 * 1024;

export function createWaitingRoom(most = MOST): WaitingRoom {
  let taken = 0;

  function enter(bytes: number): (() => void) | undefined {
    if (taken + bytes > most) return undefined;
    let own = bytes;
    taken += own;
    return () => {
      taken -= own;
      own = 0;
    };
  }

  return {
    get bytes() {
      return taken;
    },
    enter,
    async wait(work, { bytes, signal }, drop) {
      const leave = signal?.aborted ? undefined : enter(bytes);
      if (leave === undefined) return undefined;
      const gone = Promise.withResolvers<undefined>();
      const abort = () => gone.resolve(undefined);
      signal?.addEventListener("abort", abort, { once: true });
      const working = work();
      try {
        return await Promise.race([working, gone.promise]);
      } finally {
        leave();
        signal?.removeEventListener("abort", abort);
        if (signal?.aborted && drop !== undefined) void working.then(drop, () => {});
      }
    },
  };
}

// Bounds what waits for a server that is being started: messages stay in memory until they can be sent on. One caller,
// who may be a stranger, cannot take the whole room from all others.

export interface WaitingRoom {
  /** Bytes of the messages that wait, of all callers. */
  readonly bytes: number;
  /** The room as one caller may use it. @param key as in `BridgeCaller` */
  forCaller(key: string): RoomOfCaller;
}

export interface RoomOfCaller {
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
/** The last bytes of them are for small messages of callers of whom nothing waits. */
const RESERVED = 8 * 1024 * 1024;
const SMALL = 1024 * 1024;

export function createWaitingRoom(most = MOST, reserved = RESERVED): WaitingRoom {
  const takenBy = new Map<string, number>();
  let taken = 0;

  function take(key: string, bytes: number): void {
    const own = (takenBy.get(key) ?? 0) + bytes;
    taken += bytes;
    if (own > 0) takenBy.set(key, own);
    else takenBy.delete(key);
  }

  function hasRoom(key: string, bytes: number): boolean {
    if (bytes === 0) return true;
    const isFirst = !takenBy.has(key) && bytes <= SMALL;
    return taken + bytes <= (isFirst ? most : most - reserved);
  }

  return {
    get bytes() {
      return taken;
    },
    forCaller: (key) =>
      openRoomOfCaller((bytes) => {
        if (!hasRoom(key, bytes)) return undefined;
        take(key, bytes);
        let own = bytes;
        return () => {
          take(key, -own);
          own = 0;
        };
      }),
  };
}

function openRoomOfCaller(enter: RoomOfCaller["enter"]): RoomOfCaller {
  return {
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

// Messages that wait for a server process to come back, in the order they came and up to a limit.

export interface SendQueue {
  /** @returns false when too much waits already */
  add(bytes: Uint8Array): boolean;
  /** Returns all of them, oldest first, and keeps none. */
  drain(): Uint8Array[];
}

/** @param limit bytes that may wait */
export function createSendQueue(limit: number): SendQueue {
  let waiting: Uint8Array[] = [];
  let length = 0;
  return {
    add(bytes) {
      if (length + bytes.length > limit) return false;
      waiting.push(bytes);
      length += bytes.length;
      return true;
    },
    drain() {
      const all = waiting;
      waiting = [];
      length = 0;
      return all;
    },
  };
}

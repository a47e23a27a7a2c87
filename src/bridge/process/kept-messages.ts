// Messages of a server that came before there was a client for them: kept in order and up to a limit, for one reader.

export interface KeptMessages<T> {
  add(message: T): void;
  /** Returns all messages, oldest first, and keeps none. */
  drain(): T[];
}

/** What is kept; the oldest goes first. */
const MAX_MESSAGES = 100;
const MAX_BYTES = 1024 * 1024;

export function createKeptMessages<T>(lengthOf: (message: T) => number): KeptMessages<T> {
  let kept: T[] = [];
  let bytes = 0;
  return {
    add(message) {
      kept.push(message);
      bytes += lengthOf(message);
      while (kept.length > MAX_MESSAGES || bytes > MAX_BYTES) bytes -= lengthOf(kept.shift()!);
    },
    drain() {
      const all = kept;
      kept = [];
      bytes = 0;
      return all;
    },
  };
}

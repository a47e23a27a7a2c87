// What a server has said while nobody was there to hear it: kept in order up to a bound, for one reader.

export interface KeptMessages<T> {
  add(message: T): void;
  /** All that was kept, oldest first; nothing is kept of it. */
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

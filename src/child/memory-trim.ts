// Asks for a garbage collection at the two times when the runtime's own comes late: while large messages go through,
// whose bytes lie outside the collector's heap and pile up to hundreds of megabytes, and when many small ones
// have gone through and nothing follows, so that the memory they took is given back, compiled code included: it
// comes back within some thousand calls, which is why that waits until a burst is surely over.

export interface MemoryTrim {
  /** To be called with the length of every message, either way. */
  count(length: number): void;
}

/** Bytes from which on a message is large. */
const LARGE = 64 * 1024;
/** Bytes of large messages from one collection to the next. */
const BETWEEN = 64 * 1024 * 1024;
/** Messages worth a collection when nothing follows them. */
const MANY = 1_000;
/** Milliseconds without a message. */
const QUIET = 5_000;

/** Milliseconds after which what a collection has freed can be given back to the system by another one. */
const SETTLED = 200;

/** @param collect collects in the background, or everything at once */
export function createMemoryTrim(
  collect: (isAll: boolean) => void = runCollector,
  quiet = QUIET,
): MemoryTrim {
  let largeBytes = 0;
  let messages = 0;
  let seen = 0;
  let timer: Timer | undefined;

  const check = () => {
    if (seen !== messages) return void (seen = messages);
    clearInterval(timer);
    timer = undefined;
    if (messages >= MANY) collect(true);
    messages = 0;
    seen = 0;
  };

  return {
    count(length) {
      messages++;
      timer ??= setInterval(check, quiet).unref();
      if (length < LARGE) return;
      largeBytes += length;
      if (largeBytes < BETWEEN) return;
      largeBytes = 0;
      collect(false);
    },
  };
}

function runCollector(isAll: boolean): void {
  if (!isAll) {
    Bun.gc(false);
    return;
  }
  // Deprecated, and nothing else takes compiled code out of memory.
  Bun.shrink();
  Bun.gc(true);
  setTimeout(() => Bun.gc(true), SETTLED).unref();
}

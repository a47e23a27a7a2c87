// Waits that are all equally long and nearly all end early, as most calls are answered within milliseconds: one timer
// serves them all, where each would cost a call more than its token's check.

export interface Patience {
  /** Calls `ring` once when the time is over, unless it is forgotten before. */
  expect(ring: () => void): void;
  forget(ring: () => void): void;
}

/** @param ms how long each waits, in milliseconds */
export function createPatience(ms: number): Patience {
  // The oldest first, since all of them wait equally long.
  const dueAt = new Map<() => void, number>();
  let timer: Timer | undefined;

  function ringDue(): void {
    const now = performance.now();
    timer = undefined;
    for (const [ring, due] of dueAt) {
      if (due > now) return wait(due - now);
      dueAt.delete(ring);
      ring();
    }
  }

  function wait(left: number): void {
    timer = setTimeout(ringDue, left).unref();
  }

  return {
    expect(ring) {
      dueAt.set(ring, performance.now() + ms);
      if (timer === undefined) wait(ms);
    },
    forget: (ring) => void dueAt.delete(ring),
  };
}

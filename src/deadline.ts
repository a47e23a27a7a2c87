// Waiting for something, but not for ever.

/**
 * The outcome of `work`, or that of `late` when `work` takes longer than `ms` milliseconds. `work` goes on in that case;
 * nothing is reported of it any more.
 *
 * @param late returns what stands in for the outcome, or throws; by default it returns `undefined`
 */
export async function within<T, L = undefined>(
  ms: number,
  work: Promise<T>,
  late: () => L = () => undefined as L,
): Promise<T | L> {
  const expired = Promise.withResolvers<void>();
  const timer = setTimeout(expired.resolve, ms);
  try {
    return await Promise.race([work, expired.promise.then(late)]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether `work` settles within `ms` milliseconds. A rejection is left to the code that awaits `work`. */
export function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = () => true;
  return within(ms, work.then(settled, settled), () => false);
}

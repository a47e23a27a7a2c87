// Waiting for something, but not for ever.

/** Whether `work` settles within `ms` milliseconds. What it rejects with is for whoever awaits it. */
export async function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(late.resolve, ms, false);
  const settled = () => true;
  const inTime = await Promise.race([work.then(settled, settled), late.promise]);
  clearTimeout(timer);
  return inTime;
}

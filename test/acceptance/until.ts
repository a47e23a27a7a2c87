/** Milliseconds: long enough for a busy machine, since only a failing test waits for all of it. */
const DEADLINE = 20_000;
const PAUSE = 20;

/** Polls until `condition` holds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + DEADLINE;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(PAUSE);
  }
}

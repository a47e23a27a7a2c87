// Sessions take turns where there are more of them than processes: one that finds all of them busy waits a moment, before
// its client is told to come again.
import { setTimeout } from "node:timers/promises";

/** How long a session may wait for a process, and how often it looks for one, in milliseconds. */
const WITHIN = 2_000;
const EVERY = 50;

/**
 * @param attempt false when every process is busy
 * @param isOver whether nobody waits any more
 * @returns whether an attempt has succeeded
 */
export async function takeTurn(attempt: () => Promise<boolean>, isOver: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < WITHIN; waited += EVERY) {
    if (await attempt()) return true;
    if (isOver()) return false;
    await setTimeout(EVERY);
  }
  return attempt();
}

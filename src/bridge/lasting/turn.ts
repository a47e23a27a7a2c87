// More sessions may be at work than there may be processes, and take turns: one that has no process waits a moment, before
// its client is told to come again.
import type { Opening } from "../bridge.ts";

/** How long a session may wait for a process, and how often it looks for one, in milliseconds. */
const WITHIN = 2_000;
const EVERY = 50;

export async function awaitTurn(open: () => Promise<Opening>): Promise<Opening> {
  for (let waited = 0; waited < WITHIN; waited += EVERY) {
    const opening = await open();
    if (opening.outcome !== "busy") return opening;
    await Bun.sleep(EVERY);
  }
  return open();
}

// More sessions may be at work than there may be processes. They take turns: a request waits a moment for one, before its
// client is told to come again.
import { setTimeout } from "node:timers/promises";
import { isAnonymous, type Caller } from "./caller.ts";

/** How long a request may wait for a process, and how often it looks for one, in milliseconds. */
const TURN_WITHIN = 2_000;
const TURN_EVERY = 50;

/**
 * Callers without a token do not wait: they have one process.
 *
 * @param look for a process; falsy where none is to be had
 * @param signal aborts when the client has gone
 */
export async function awaitTurn<T>(caller: Caller, signal: AbortSignal, look: () => Promise<T>): Promise<T> {
  for (let waited = 0; waited < TURN_WITHIN && !isAnonymous(caller); waited += TURN_EVERY) {
    const found = await look();
    if (found || signal.aborted) return found;
    await setTimeout(TURN_EVERY);
  }
  return look();
}

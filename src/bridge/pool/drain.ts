// The last seconds of processes that make way for a restart: questions to people are taken back at once, what the server is
// about to answer gets a little time, and the rest is told why.
import type { PooledProcess } from "./process-pool.ts";

/** Milliseconds that calls in flight get. */
const PATIENCE = 5_000;
/** They are looked at this often, in milliseconds, so that a call need not report its end. */
const CHECK_EVERY = 10;
const RESTARTED = "The MCP server is restarted. Try again.";

/**
 * @param processes those in use now
 * @param reason a sentence for the clients
 * @param isClosed whether the processes end anyway
 */
export async function drain(
  processes: () => readonly PooledProcess[],
  reason: string,
  isClosed: () => boolean,
): Promise<void> {
  const end = performance.now() + PATIENCE;
  for (;;) {
    // A call that was on its way may have started another one.
    for (const process of processes()) process.adapter.cancelRequests(reasonFor(process, reason));
    if (!processes().some(isAtWork) || performance.now() > end || isClosed()) break;
    await Bun.sleep(CHECK_EVERY);
  }
  for (const process of processes()) process.adapter.failCalls(reasonFor(process, reason));
}

/** Why their owner restarts the server, for example which files were saved, is nothing for strangers. */
function reasonFor({ assignment }: PooledProcess, reason: string): string {
  return assignment.sharing === "anonymous" ? RESTARTED : reason;
}

/** Whether a client waits for its answer, or is about to call. */
function isAtWork({ claims, adapter }: PooledProcess): boolean {
  return claims > 0 || adapter.atWork > 0;
}

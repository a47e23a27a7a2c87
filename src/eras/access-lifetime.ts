// How the access of a caller ends, and what may still go out then. Two ways are told apart:
//
// A token that runs out by itself is replaced by its client before its next request. Streams of GET and of
// `subscriptions/listen` end in that moment. A call that began with a good token still gets its own messages and its
// answer, on the stream it has or as plain JSON, for `CALLS_LAST`: most clients that lose the stream of a call never
// come back for it. Nothing else goes out on it: a message that may belong to another call waits for a stream with a
// good token. A stream of HTTP+SSE is a whole session, and waits for a new token, with nothing on it but such answers.
//
// A token that was revoked is different: a person wants it to stop now, so everything that uses it ends at once.
import type { Caller } from "./caller.ts";

/**
 * How long a call may go on after the end of its token, in milliseconds. Most clients give up on calls sooner: the
 * SDKs after a minute by default.
 */
export const CALLS_LAST = 5 * 60_000;

/** Whether the token's own time is over. */
export function hasRunOut({ expiresAt }: Caller, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** Once a token has run out, whether it was revoked can only be learned from its grant. */
export function isRevoked(caller: Caller, grantId: string | undefined, now: number): boolean {
  if (caller.isValid()) return false;
  return !hasRunOut(caller, now) || (grantId !== undefined && caller.principal?.grantId === grantId);
}

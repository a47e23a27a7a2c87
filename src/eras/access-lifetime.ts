// How the access of a caller ends, and what may still go out then. Two ways are told apart:
//
// A token that runs out by itself is replaced by its client before its next request. What stands open for its own
// sake ends in that moment: streams of GET and of `subscriptions/listen`. A call that began with a good token still
// gets its own messages and its answer, on the stream it has or as the plain answer it waits for, for `CALLS_LAST`:
// most clients that lose the stream of a call never come back for it. Nothing else goes out on it: what the server
// says meanwhile and is not surely this call's waits for a stream with a good token. A stream of HTTP+SSE is a whole
// session, and waits for a new token, with nothing on it but such answers.
//
// A token that was revoked is different: somebody wants it to stop now, so everything of it ends at once.
import type { Caller } from "./caller.ts";

/**
 * How long a call may go on behind the end of its token, in milliseconds. Most clients give up on calls sooner: the
 * SDKs after a minute, unless they are told otherwise.
 */
export const CALLS_LAST = 5 * 60_000;

/** Whether the token's own time is over. */
export function hasRunOut({ expiresAt }: Caller, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** Of a token that has run out nobody knows any more whether it was revoked; its grant still tells. */
export function isRevoked(caller: Caller, grantId: string | undefined, now: number): boolean {
  if (caller.isValid()) return false;
  return !hasRunOut(caller, now) || (grantId !== undefined && caller.grantId === grantId);
}

// Calls that are not answered yet, by who made them. A call that began with a good token is answered even if
// the token runs out meanwhile: its client gets a new one before the next call. A token that was revoked is
// different: somebody wants it to stop now, so the call is cancelled at the server and its client refused.
import type { Caller } from "./era.ts";

/** The refusal of a request whose caller's access was revoked since it was let in. */
export type Recheck = () => Response | undefined;

export interface CallsInFlight {
  /** A request was let in; before it is acted on, its body has to come and a server may have to start. */
  enter(caller: Caller): Recheck;
  /**
   * @param stop is called when the caller's access has been revoked, with what a request is answered now
   * @returns to be called when the call is over
   */
  add(caller: Caller, stop: (refusal: Response) => void): () => void;
  /** Stops the calls of those whose access was revoked. @param grantId the grant that something of was revoked */
  recheck(grantId?: string): void;
}

export function createCallsInFlight(now: () => number): CallsInFlight {
  const calls = new Set<{ caller: Caller; stop: (refusal: Response) => void }>();
  let revocations = 0;

  return {
    enter(caller) {
      const before = revocations;
      return () => (revocations === before || caller.isValid() ? undefined : refuse(caller));
    },
    add(caller, stop) {
      const call = { caller, stop };
      calls.add(call);
      return () => void calls.delete(call);
    },
    recheck(grantId) {
      revocations++;
      for (const call of calls) {
        if (!isRevoked(call.caller, grantId, now())) continue;
        calls.delete(call);
        call.stop(refuse(call.caller));
      }
    },
  };
}

function refuse(caller: Caller): Response {
  return caller.refuse?.() ?? new Response(null, { status: 401 });
}

/** Of a token that has run out nobody knows any more whether it was revoked; its grant still tells. */
export function isRevoked(caller: Caller, grantId: string | undefined, now: number): boolean {
  if (caller.isValid()) return false;
  const { expiresAt = Infinity } = caller;
  return now < expiresAt || (grantId !== undefined && caller.grantId === grantId);
}

// Calls that have not been answered yet, by their caller, so that they end when the caller's access is revoked. A call
// whose token only runs out meanwhile goes on: access-lifetime.ts says how long, and what it may still carry.
import { isRevoked } from "./access-lifetime.ts";
import type { Caller } from "./caller.ts";

export interface CallInFlight {
  readonly caller: Caller;
  /** The caller's access has been revoked. @param refusal the response to any request of theirs from now on */
  stop(refusal: Response): void;
}

export interface CallsInFlight {
  /** Revocations so far: noted when a request is let in, before its body comes and a server starts for it. */
  readonly revocations: number;
  /** The refusal of a request whose caller's access was revoked since there had been so many. */
  refuse(caller: Caller, since: number): Response | undefined;
  add(call: CallInFlight): void;
  remove(call: CallInFlight): void;
  /** Stops the calls of callers whose access was revoked. @param grantId the grant of which a token was revoked */
  stopRevoked(grantId?: string): void;
}

export function createCallsInFlight(now: () => number): CallsInFlight {
  const calls = new Set<CallInFlight>();
  let revocations = 0;

  return {
    get revocations() {
      return revocations;
    },
    refuse: (caller, since) =>
      revocations === since || caller.isValid() ? undefined : composeRefusal(caller),
    add: (call) => void calls.add(call),
    remove: (call) => void calls.delete(call),
    stopRevoked(grantId) {
      revocations++;
      for (const call of calls) {
        if (!isRevoked(call.caller, grantId, now())) continue;
        calls.delete(call);
        call.stop(composeRefusal(call.caller));
      }
    },
  };
}

export function composeRefusal(caller: Caller): Response {
  return caller.refuse?.() ?? new Response(null, { status: 401 });
}

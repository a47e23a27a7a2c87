// Calls that are not answered yet, by who made them, so that they end when their caller's access is revoked. One whose
// token only runs out meanwhile goes on: access.ts says how long, and what it may still carry.
import { isRevoked } from "./access-lifetime.ts";
import type { Caller } from "./caller.ts";

export interface Call {
  readonly caller: Caller;
  /** The caller's access has been revoked. @param refusal what a request of theirs is answered now */
  stop(refusal: Response): void;
}

export interface CallsInFlight {
  /** Revocations so far: noted when a request is let in, before its body comes and a server starts for it. */
  readonly revocations: number;
  /** The refusal of a request whose caller's access was revoked since there had been so many. */
  refuse(caller: Caller, since: number): Response | undefined;
  add(call: Call): void;
  remove(call: Call): void;
  /** Stops the calls of those whose access was revoked. @param grantId the grant that something of was revoked */
  stopRevoked(grantId?: string): void;
}

export function createCallsInFlight(now: () => number): CallsInFlight {
  const calls = new Set<Call>();
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

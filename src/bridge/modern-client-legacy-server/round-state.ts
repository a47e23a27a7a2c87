// The `requestState` of a round: which call its retry goes on with, for whom and for which request it is good, and how long.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
import { createHash } from "node:crypto";
import { rawParam, stringParam } from "../../frame/message.ts";
import type { RequestState, RequestStates } from "../request-state.ts";
import type { MultiRoundCall, Round } from "./multi-round-call.ts";

/** How long a client may take to come back, in milliseconds. */
export const MAX_PARKED = 10 * 60_000;
/** In a state for a call that is not parked, but is to be made again. */
export const NOT_PARKED = "";

export interface RoundStates {
  /**
   * @param callId which parked call waits
   * @param round whose retry has to ask for the same
   */
  sign(call: MultiRoundCall, callId: string, round: Round): string;
  /** Reads a retry's `requestState`; `undefined` when it is not for this caller and request, or has expired. */
  verify(text: string, callerKey: string, retry: Round): RequestState | undefined;
}

export function createRoundStates(requestStates: RequestStates, now: () => number): RoundStates {
  return {
    sign: ({ callerKey, round }, callId, asking) =>
      requestStates.sign({
        parkedCall: callId,
        callerKey,
        request: digestOf(asking),
        round,
        expires: now() + MAX_PARKED,
      }),
    verify(text, callerKey, retry) {
      const state = requestStates.verify(text);
      if (state === undefined || state.expires <= now()) return undefined;
      return state.callerKey === callerKey && state.request === digestOf(retry) ? state : undefined;
    },
  };
}

/** Equal for a request and its retry, different for any other tool, resource, arguments or capabilities. */
function digestOf({ request, envelope }: Round): string {
  const parts = [
    request.method,
    stringParam(request, "name"),
    stringParam(request, "uri"),
    rawParam(request, "arguments"),
    envelope.capabilitiesKey,
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

// Answers the calls of clients without sessions whose server, which has sessions, may want input before it answers: such
// a call is parked, and goes on when its client comes back with the input.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
import { stringParam } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { BridgeOptions } from "../bridge.ts";
import type { ClientCapabilities } from "../envelope.ts";
import { findToken } from "../process/call-table.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import type { RequestStates } from "../request-state.ts";
import {
  abandonCall,
  endParked,
  failCall,
  finishCall,
  parkCall,
  startCall,
  type CallRounds,
} from "./call-rounds.ts";
import {
  createMultiRoundCall,
  type MultiRoundCall,
  type Round,
  type RoundWaiter,
} from "./multi-round-call.ts";
import { createPendingInput, type PendingInput } from "./pending-input.ts";
import { failRound } from "./round-answer.ts";
import { createRoundStates, NOT_PARKED } from "./round-state.ts";
import { composeNotOpened, isAccepted } from "./url-elicitation.ts";

export interface MultiRoundCalls {
  /** Calls that a client waits for, or has been asked for input to. */
  readonly pending: number;
  /** Calls that the server is about to answer. */
  readonly running: number;
  /** Ends what clients are asked: the server gets an answer, and a retry finds its call no more. @param reason a sentence */
  withdraw(reason: string): void;
  /** Answers the calls that are running, and forgets the others. @param reason a sentence */
  fail(reason: string): void;
  /** @returns ends the request because the client has gone */
  begin(callerKey: string, round: Round): () => void;
  /** The requests of the server's. */
  readonly input: PendingInput;
}

export interface MultiRoundOptions extends Pick<BridgeOptions, "now" | "random" | "log"> {
  multiplexer: Multiplexer<RoundWaiter>;
  requestStates: RequestStates;
  /** Those the server has been given as its client's. */
  capabilities: ClientCapabilities;
  /** JSON text of what the server calls itself. */
  serverInfo(): string;
}

/**
 * A server that asks while no call is running acts on the answer by itself, and does not say when it has: its roots are
 * an example. It gets this long, in milliseconds, before the call that carried its request is made.
 */
const BEFORE_CALL = 100;
const NOTHING_TO_END = () => {};

export function createMultiRoundCalls(options: MultiRoundOptions): MultiRoundCalls {
  const { multiplexer, log, now, random, requestStates, serverInfo } = options;
  const running = new Set<MultiRoundCall>();
  const parked = new Map<string, MultiRoundCall>();
  const askClient = (call: MultiRoundCall) => parkCall(rounds, call);
  const input = createPendingInput({ ...options, running, parked, askClient });
  const states = createRoundStates(requestStates, now);
  const rounds: CallRounds = { multiplexer, running, parked, input, states, log, serverInfo };

  function open(callerKey: string, round: Round): () => void {
    const call = createMultiRoundCall(Buffer.from(random(16)).toString("hex"), callerKey, round);
    running.add(call);
    if (input.load(call, round)) parkCall(rounds, call);
    else startCall(rounds, call, round);
    return () => abandonCall(rounds, call, round);
  }

  function resume(callerKey: string, retry: Round, requestState: string): () => void {
    const state = states.verify(requestState, callerKey, retry);
    if (state?.parkedCall === NOT_PARKED) return resumeAfterUrls(callerKey, retry);
    const call = state && parked.get(state.parkedCall);
    if (call === undefined || call.round !== state?.round) {
      const reason = "requestState does not belong to this request, or no longer. Send the request anew.";
      failRound(retry, ErrorCode.invalidParams, reason);
      return NOTHING_TO_END;
    }
    parked.delete(call.id);
    clearTimeout(call.timer);
    call.timer = undefined;
    call.current = retry;
    running.add(call);
    if (call.sent !== undefined) call.sent.progressToken = findToken(retry.request)?.text;
    input.answer(call, retry.request);
    if (call.outcome !== undefined) finishCall(rounds, call, call.outcome);
    else if (call.inputRequests.size > 0) parkCall(rounds, call);
    else if (call.sent === undefined) call.timer = setTimeout(startCall, BEFORE_CALL, rounds, call, retry);
    return () => abandonCall(rounds, call, retry);
  }

  function resumeAfterUrls(callerKey: string, retry: Round): () => void {
    const { request, responder } = retry;
    if (isAccepted(request)) return open(callerKey, retry);
    // Only a tool has a way to say that it did not work.
    if (request.method === "tools/call") responder.respond(composeNotOpened(request.id));
    else failRound(retry, ErrorCode.internal, "The page that this needs was not opened.");
    return NOTHING_TO_END;
  }

  return {
    get pending() {
      return running.size + parked.size;
    },
    get running() {
      return running.size;
    },
    withdraw(reason) {
      input.withdraw(reason);
      for (const call of parked.values()) endParked(rounds, call);
    },
    fail(reason) {
      for (const call of running) failCall(rounds, call, reason);
    },
    begin(callerKey, round) {
      const requestState = stringParam(round.request, "requestState");
      return requestState === undefined ? open(callerKey, round) : resume(callerKey, round, requestState);
    },
    input,
  };
}

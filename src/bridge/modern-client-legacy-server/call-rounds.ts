// The life of a call over its rounds: it runs, is parked while its client is asked, and ends.
import type { Message } from "../../frame/message.ts";
import type { Log } from "../../log.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { printable } from "../../printable.ts";
import { stripEnvelope } from "../envelope.ts";
import { lostReason } from "../process/call-table.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import { composeInputRequired } from "./input-required-result.ts";
import type { MultiRoundOutcome, MultiRoundCall, Round, RoundWaiter } from "./multi-round-call.ts";
import type { PendingInput } from "./pending-input.ts";
import { failRound, respondWithAnswer } from "./round-answer.ts";
import { MAX_PARKED, type RoundStates } from "./round-state.ts";

/** The calls on one server process. */
export interface CallRounds {
  readonly multiplexer: Multiplexer<RoundWaiter>;
  /** Calls whose client waits for an answer. */
  readonly running: Set<MultiRoundCall>;
  /** Calls whose client is being asked, by id. */
  readonly parked: Map<string, MultiRoundCall>;
  readonly input: PendingInput;
  readonly states: RoundStates;
  readonly log: Log;
  /** JSON text of what the server calls itself. */
  serverInfo(): string;
}

interface RoundsWaiter extends RoundWaiter {
  readonly rounds: CallRounds;
}

/** Makes the call at the server. */
export function startCall(rounds: CallRounds, call: MultiRoundCall, { request }: Round): void {
  call.timer = undefined;
  const waiter: RoundsWaiter = { call, rounds, onResponse, onProgress, onLost };
  call.sent = rounds.multiplexer.start(request, waiter, stripEnvelope(request));
}

export function finishCall(rounds: CallRounds, call: MultiRoundCall, outcome: MultiRoundOutcome): void {
  clearTimeout(call.timer);
  const { current } = call;
  if (current === undefined) {
    // The client gets this when it comes back.
    call.outcome = outcome;
    call.timer = setTimeout(expireCall, MAX_PARKED, rounds, call);
    return;
  }
  rounds.running.delete(call);
  if ("how" in outcome) return failRound(current, ErrorCode.internal, lostReason(outcome.how));
  rounds.input.release(call);
  const { states } = rounds;
  respondWithAnswer({
    call,
    round: current,
    answer: outcome.answer,
    serverInfo: rounds.serverInfo(),
    states,
  });
}

/** Ends the client's request with the input that the server requires. */
export function parkCall(rounds: CallRounds, call: MultiRoundCall): void {
  const { current, inputRequests } = call;
  clearTimeout(call.timer);
  call.timer = undefined;
  if (current === undefined || inputRequests.size === 0) return;
  rounds.running.delete(call);
  rounds.parked.set(call.id, call);
  call.round++;
  call.current = undefined;
  call.timer = setTimeout(expireCall, MAX_PARKED, rounds, call);
  const methods = printable([...inputRequests.values()].map(({ method }) => method).join(", "));
  rounds.log.info(
    `The server asks the client: ${methods}. Most servers give up when no answer has come after 60 s.`,
  );
  const state = rounds.states.sign(call, call.id, current);
  current.responder.respond(composeInputRequired(current.request.id, inputRequests, state));
}

/** The client of a round has gone. */
export function abandonCall(rounds: CallRounds, call: MultiRoundCall, round: Round): void {
  if (call.current !== round || !rounds.running.delete(call)) return;
  clearTimeout(call.timer);
  rounds.input.decline(call);
  if (call.sent !== undefined) rounds.multiplexer.cancel(call.sent);
}

/** The call can never be answered. @param reason a sentence */
export function failCall(rounds: CallRounds, call: MultiRoundCall, reason: string): void {
  if (!rounds.running.delete(call)) return;
  clearTimeout(call.timer);
  rounds.input.decline(call);
  if (call.sent !== undefined) rounds.multiplexer.cancel(call.sent);
  if (call.current !== undefined) failRound(call.current, ErrorCode.internal, reason);
}

/** Nothing of a parked call is kept. */
export function endParked(rounds: CallRounds, call: MultiRoundCall): void {
  clearTimeout(call.timer);
  expireCall(rounds, call);
}

/** The client has not come back. */
function expireCall(rounds: CallRounds, call: MultiRoundCall): void {
  rounds.parked.delete(call.id);
  rounds.input.decline(call);
  if (call.sent !== undefined && call.outcome === undefined) rounds.multiplexer.cancel(call.sent);
}

function onProgress(notification: Uint8Array, { call }: RoundWaiter): void {
  call.current?.responder.notify(notification);
}

function onResponse(answer: Message, { call, rounds }: RoundsWaiter): void {
  finishCall(rounds, call, { answer });
}

function onLost(how: string, { call, rounds }: RoundsWaiter): void {
  finishCall(rounds, call, { how });
}

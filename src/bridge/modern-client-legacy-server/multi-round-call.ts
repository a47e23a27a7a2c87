// One call of a client without sessions, over all its rounds. A server with sessions sends its requests while it works;
// the client can only be asked by ending its request with them, and comes again with the answers. In between the call
// at the server is parked.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
import type { Message } from "../../frame/message.ts";
import type { Responder } from "../bridge.ts";
import type { Envelope } from "../envelope.ts";
import type { PendingCall, Waiter } from "../process/call-table.ts";

export interface MultiRoundCall {
  readonly id: string;
  readonly callerKey: string;
  /** The client's request that is to be answered; absent while the call is parked. */
  current: Round | undefined;
  /** The call at the server; absent before it is made. */
  sent: PendingCall<RoundWaiter> | undefined;
  /** Requests of the server that the client has not answered, by the key it answers them under. */
  readonly inputRequests: Map<string, Message>;
  /** How often the client has been asked. */
  round: number;
  /** How the call ended, when that was while it was parked. */
  outcome: MultiRoundOutcome | undefined;
  /** The capability that a request of the server's needed and the client has not declared, as `requiredCapabilities` has it. */
  missing: Record<string, unknown> | undefined;
  /** Runs while requests of the server's are collected, then while the call is parked. */
  timer: Timer | undefined;
}

/** The client's request as one round sent it. */
export interface Round {
  readonly request: Message;
  readonly envelope: Envelope;
  readonly responder: Responder;
}

/** How the call at the server ended: with an answer, or with the process. */
export type MultiRoundOutcome = { answer: Message } | { how: string };

/** Waits at the server for a call. */
export interface RoundWaiter extends Waiter {
  readonly call: MultiRoundCall;
}

export function createMultiRoundCall(id: string, callerKey: string, round: Round): MultiRoundCall {
  return {
    id,
    callerKey,
    current: round,
    sent: undefined,
    inputRequests: new Map(),
    round: 0,
    outcome: undefined,
    missing: undefined,
    timer: undefined,
  };
}

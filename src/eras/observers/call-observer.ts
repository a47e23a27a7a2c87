// A call: one request of a client, from the moment it has been read until it is over. The request log is a `CallObserver`,
// and so is anything else that watches calls: an audit log, metrics. Observers cannot steer: only a span that they return
// is used, steps and ends reach them in a turn of their own after the answer has left, and an error that an observer
// throws is logged once.
import type { Message } from "../../frame/message.ts";
import type { Caller } from "../caller.ts";
import type { Dialect } from "../classify.ts";

export interface CallObserver {
  /** Steps and ends reach it at once, which costs a call less than a turn of its own: for an observer that takes no time. */
  readonly isPrompt?: boolean;
  /** A call has been read, and may still be refused. @returns what follows the call; undefined to leave it alone */
  begin?(call: CallInfo): CallSpan | undefined;
  /** A request to the endpoint has been let in; a POST has been read. */
  received?(arrival: Arrival): void;
  /** The response to a request is a stream. @returns called when the stream has ended, with the bytes that it carried */
  streams?(request: Request): (bytes: number) => void;
}

export interface CallInfo {
  /** The HTTP request that it came with, alone or in a batch. */
  readonly request: Request;
  readonly caller: Caller;
  /** Absent where it is not clear from the request. */
  readonly dialect: Dialect | undefined;
  /** The revision that the client names. */
  readonly revision: string | undefined;
  /** At most 120 characters of it. */
  readonly method: string;
  /** The tool, prompt or resource: at most 120 characters of its name. */
  readonly name: string | undefined;
  /** Bytes of the message. */
  readonly size: number;
}

/** One call as one observer follows it. */
export interface CallSpan {
  /** The client has been sent a notification that belongs to the call. */
  notified?(message: Uint8Array): void;
  /** The client has been sent a request that belongs to the call. */
  asked?(message: Uint8Array): void;
  /** Called once. */
  end(outcome: CallOutcome): void;
}

/**
 * - `result`, `error`: the answer.
 * - `tool-error`: a result in which a tool says that it has failed.
 * - `cancelled`: there is no answer, since the client has taken the call back, or has gone, or lost its access.
 * - `refused`: the call has never reached the server.
 */
export type OutcomeKind = "result" | "tool-error" | "error" | "cancelled" | "refused";

export interface CallOutcome {
  readonly kind: OutcomeKind;
  /** JSON-RPC code of an error. */
  readonly code: number | undefined;
  /** HTTP status of a refusal. */
  readonly status: number | undefined;
  /** Bytes of the answer; 0 where there is none. */
  readonly size: number;
  /** Milliseconds since the call was read. */
  readonly ms: number;
}

/** A request to the endpoint, and what was in it. */
export interface Arrival {
  readonly request: Request;
  readonly caller: Caller;
  readonly batch: boolean;
  /** Empty for anything but a POST, and for a POST that could not be read. */
  readonly messages: readonly Message[];
}

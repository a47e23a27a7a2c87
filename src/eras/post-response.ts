// The answer to one POST: plain JSON when there is nothing but the result, an event stream as soon as
// something must precede it, or when it takes so long that somebody on the way might hang up.
import type { Responder } from "../bridge/bridge.ts";
import { CALLS_LAST, hasRunOut } from "./access-lifetime.ts";
import { composeRefusal, type Call, type CallsInFlight } from "./calls-in-flight.ts";
import type { Caller } from "./caller.ts";
import { LONGEST_WAIT } from "./streams/expiry-alarm.ts";
import { EVENT_STREAM, type EventStream, type Streams } from "./streams/event-stream.ts";

export interface Exchange {
  readonly response: Promise<Response>;
  /** Where the calls of this POST answer. */
  readonly responder: Responder;
  /** The client has gone, and takes no answer. */
  abandon(): void;
}

export interface ExchangeOptions {
  streams: Streams;
  caller: Caller;
  /** Where it is told that the caller's access has been revoked. */
  inFlight?: Pick<CallsInFlight, "add" | "remove">;
  now?: () => number;
  /** Cancels at the server what has not been answered then. */
  cancel?(): void;
  /** Tells whether the client has hung up; asked once the answer has taken long. */
  request?: Request;
  /** The event stream has ended, for whatever reason. */
  closed?(): void;
  /** Calls in this POST. */
  expected: number;
  /** The POST was a batch (2025-03-26), so a plain answer is an array. */
  batch: boolean;
  /** Takes what may not, or cannot, go out with the answer. */
  aside?(message: Uint8Array): void;
  /** The client takes nothing but JSON; all that precedes its answer goes aside. */
  isPlain?: boolean;
  /** Added to the response's own. */
  headers?: Record<string, string> | undefined;
  /** How long its stream goes on when the credential has run out by itself, in milliseconds. */
  lasts?: number;
  /** How long the answer may take before the client gets headers and comments to wait with, in milliseconds. */
  patience: number;
  /** HTTP status of a plain answer that is an error. */
  statusOf?: (code: number) => number;
}

/** Well below the first time-out on the way. */
export const PATIENCE = 5_000;

const COMMA = Buffer.from(",");

export function createExchange(options: ExchangeOptions): Exchange {
  const { streams, caller, batch, isPlain, headers, inFlight } = options;
  const { now = Date.now, lasts = CALLS_LAST, closed = () => {}, statusOf = () => 200 } = options;
  const { promise: response, resolve } = Promise.withResolvers<Response>();
  const answers: Uint8Array[] = [];
  let status = 200;
  let stream: EventStream | undefined;
  let remaining = options.expected;
  /** Without access any more: nothing goes out. */
  let isStopped = false;

  /** From now on everything goes out as events. */
  const upgrade = (): EventStream => {
    if (stream !== undefined) return stream;
    clearTimeout(timer);
    stream = streams.open(caller, closed, { headers, lasts });
    for (const answer of answers) stream.send(answer);
    if (!options.request?.signal.aborted) resolve(stream.response);
    else {
      // What comes is kept for who comes back.
      void stream.response.body?.cancel();
      resolve(composeGone());
    }
    return stream;
  };
  function stop(refusal: Response): void {
    isStopped = true;
    clearTimeout(timer);
    options.cancel?.();
    stream?.end();
    resolve(refusal);
  }
  // Without OAuth nobody's access ends, and nothing is noted.
  const call: Call | undefined = caller.refuse && { caller, stop };
  if (call !== undefined) inFlight?.add(call);
  const leave = () => call !== undefined && inFlight?.remove(call);
  // No stream ends under who waits for plain JSON.
  const timer = isPlain
    ? setEnd(caller, now(), (refusal) => {
        leave();
        stop(refusal);
      })
    : setTimeout(upgrade, options.patience);

  const settle = () => {
    if (isStopped || --remaining > 0) return;
    leave();
    if (stream !== undefined) return stream.end();
    clearTimeout(timer);
    // A call that was cancelled has no answer. An empty stream says so in both old and new clients; one with an id
    // in it would be something to come back for.
    if (answers.length === 0) return resolve(new Response("", { headers: { ...EVENT_STREAM, ...headers } }));
    resolve(json(streams.pace(caller, batch ? joinBatch(answers) : answers[0]!), status, headers));
  };

  return {
    response,
    responder: {
      notify(message, isGuessed) {
        if (isStopped) return;
        // A message that is only guessed to be this caller's is not for one whose credential has run out.
        const isLate = isGuessed && !(stream?.isCurrent() ?? !hasRunOut(caller, now()));
        if (isPlain || isLate) options.aside?.(message);
        else upgrade().send(message);
      },
      respond(message, code) {
        if (isStopped) return;
        if (stream !== undefined) stream.send(message);
        else answers.push(message);
        if (code !== undefined) status = statusOf(code);
        settle();
      },
      cancelled: settle,
    },
    abandon() {
      leave();
      clearTimeout(timer);
      resolve(composeGone());
    },
  };
}

/** Refuses a caller whose credential has run out for too long. */
function setEnd(caller: Caller, now: number, refuse: (refusal: Response) => void): Timer | undefined {
  const wait = (caller.expiresAt ?? Infinity) + CALLS_LAST - now;
  return wait < LONGEST_WAIT ? setTimeout(() => refuse(composeRefusal(caller)), wait) : undefined;
}

// An object of its own costs half as much to copy as what a literal says.
const JSON_HEADERS = new Headers({ "content-type": "application/json" });

function json(body: ReturnType<Streams["pace"]>, status: number, more?: Record<string, string>): Response {
  const headers = more === undefined ? JSON_HEADERS : { "content-type": "application/json", ...more };
  return new Response(body, { status, headers });
}

/** Nobody reads it; the log shows the status that proxies use for this. */
function composeGone(): Response {
  return new Response(null, { status: 499 });
}

function joinBatch(answers: readonly Uint8Array[]): Uint8Array {
  const pieces = answers.flatMap((answer, index) => (index === 0 ? [answer] : [COMMA, answer]));
  return Buffer.concat([Buffer.from("["), ...pieces, Buffer.from("]")]);
}

/** Clients must accept both forms; the one that names only JSON gets only JSON, the one that names nothing gets both. */
export function takesEvents(request: Request): boolean {
  const accept = request.headers.get("accept");
  return (
    accept === null ||
    accept.includes("*/*") ||
    accept.includes("text/*") ||
    accept.includes("text/event-stream")
  );
}

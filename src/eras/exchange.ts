// The answer to one POST: plain JSON when there is nothing but the result, an event stream as soon as
// something must precede it, or when it takes so long that somebody on the way might hang up.
import type { Outlet } from "../bridge/bridge.ts";
import type { CallsInFlight } from "./calls-in-flight.ts";
import type { Caller } from "./era.ts";
import { EVENT_STREAM, type EventStream, type Streams } from "./event-stream.ts";

export interface Exchange {
  readonly response: Promise<Response>;
  /** Where the calls of this POST answer. */
  readonly outlet: Outlet;
  /** The client has gone, and takes no answer. */
  abandon(): void;
}

export interface ExchangeOptions {
  streams: Streams;
  caller: Caller;
  /** Where it is told that the caller's access has been revoked. */
  inFlight?: Pick<CallsInFlight, "add">;
  /** Cancels at the server what has not been answered then. */
  cancel?(): void;
  /** The event stream has ended, for whatever reason. */
  closed?(): void;
  /** Calls in this POST. */
  expected: number;
  /** The POST was a batch (2025-03-26), so a plain answer is an array. */
  batch: boolean;
  /** The client takes nothing but JSON; what precedes its answer goes here. */
  aside?: ((message: Uint8Array) => void) | undefined;
  /** Added to the response's own. */
  headers?: Record<string, string> | undefined;
  /** How long the answer may take before the client gets headers and comments to wait with, in milliseconds. */
  patience: number;
  /** HTTP status of a plain answer that is an error. */
  statusOf?: (code: number) => number;
}

/** Well below the first time-out on the way. */
export const PATIENCE = 5_000;

const COMMA = Buffer.from(",");

export function createExchange(options: ExchangeOptions): Exchange {
  const { streams, caller, batch, aside, headers, closed = () => {}, statusOf = () => 200 } = options;
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
    stream = streams.open(caller, closed, headers);
    resolve(stream.response);
    for (const answer of answers) stream.send(answer);
    return stream;
  };
  const timer = aside === undefined ? setTimeout(upgrade, options.patience) : undefined;

  const leave = options.inFlight?.add(caller, (refusal) => {
    isStopped = true;
    clearTimeout(timer);
    options.cancel?.();
    stream?.end();
    resolve(refusal);
  });

  const settle = () => {
    if (isStopped || --remaining > 0) return;
    leave?.();
    if (stream !== undefined) return stream.end();
    clearTimeout(timer);
    // A call that was cancelled has no answer. An empty stream says so in both old and new clients; one with an id
    // in it would be something to come back for.
    if (answers.length === 0) return resolve(new Response("", { headers: { ...EVENT_STREAM, ...headers } }));
    resolve(json(streams.pace(caller, batch ? joinBatch(answers) : answers[0]!), status, headers));
  };

  return {
    response,
    outlet: {
      precede(message) {
        if (isStopped) return;
        if (aside === undefined) upgrade().send(message);
        else aside(message);
      },
      finish(message, code) {
        if (isStopped) return;
        if (stream !== undefined) stream.send(message);
        else answers.push(message);
        if (code !== undefined) status = statusOf(code);
        settle();
      },
      drop: settle,
    },
    abandon() {
      leave?.();
      clearTimeout(timer);
      // Nobody reads it; the log shows the status that proxies use for this.
      resolve(new Response(null, { status: 499 }));
    },
  };
}

// An object of its own costs half as much to copy as what a literal says.
const JSON_HEADERS = new Headers({ "content-type": "application/json" });

function json(body: ReturnType<Streams["pace"]>, status: number, more?: Record<string, string>): Response {
  const headers = more === undefined ? JSON_HEADERS : { "content-type": "application/json", ...more };
  return new Response(body, { status, headers });
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

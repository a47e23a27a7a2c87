// The response to one POST: plain JSON when there is nothing but the answer, an event stream as soon as a message must
// precede it, or when it takes so long that a proxy on the way might hang up.
import type { Responder } from "../bridge/bridge.ts";
import { CALLS_LAST, hasRunOut } from "./access-lifetime.ts";
import { composeRefusal, type CallInFlight, type CallsInFlight } from "./calls-in-flight.ts";
import type { Caller } from "./caller.ts";
import { createPatience, type Patience } from "./patience.ts";
import { LONGEST_WAIT } from "./streams/expiry-alarm.ts";
import { EVENT_STREAM, type EventStream, type Streams } from "./streams/event-stream.ts";

export interface PostResponse {
  readonly response: Promise<Response>;
  /** Where the calls of this POST answer. */
  readonly responder: Responder;
  /** The client has gone, and takes no answer. */
  abandon(): void;
}

export interface PostResponseOptions {
  streams: Streams;
  caller: Caller;
  /** Stops its calls when the caller's access is revoked. */
  inFlight?: Pick<CallsInFlight, "add" | "remove">;
  now?: () => number;
  /** Cancels at the server what has not been answered then. */
  cancel?(): void;
  /** Knows whether the client has hung up; looked at once the answer has taken long. */
  request?: Request;
  /** The event stream has ended, on either side. */
  closed?(): void;
  /** Calls in this POST. */
  expected: number;
  /** The POST was a batch (2025-03-26), so a plain answer is an array. */
  batch: boolean;
  /** Takes a message that may not, or cannot, go out with the answer. */
  sendUnrelated?(message: Uint8Array): void;
  /** The client takes nothing but JSON: whatever precedes its answer goes to `sendUnrelated`. */
  isPlain?: boolean;
  /** Added to the response's own. */
  headers?: Record<string, string> | undefined;
  /** How long its stream goes on when the credential has run out by itself, in milliseconds. */
  lasts?: number;
  /** How long the answer may take before the client gets headers and comments to wait with. */
  patience: Patience;
  /** HTTP status of a plain answer that is an error. */
  statusOf?: (code: number) => number;
}

/** Five seconds are well below the first time-out on the way. */
export const PATIENCE = createPatience(5_000);

const COMMA = Buffer.from(",");

export function createPostResponse(options: PostResponseOptions): PostResponse {
  const { streams, caller, isPlain, headers, inFlight, patience } = options;
  const { now = Date.now, lasts = CALLS_LAST, closed = () => {}, statusOf = () => 200 } = options;
  const { promise: response, resolve } = Promise.withResolvers<Response>();
  const answers: Uint8Array[] = [];
  let status = 200;
  let stream: EventStream | undefined;
  let remaining = options.expected;
  /** The caller has lost access: nothing goes out. */
  let isStopped = false;

  /** From now on everything goes out as events. */
  const upgrade = (): EventStream => {
    if (stream !== undefined) return stream;
    stopWaiting();
    stream = streams.open(caller, closed, { headers, lasts });
    for (const answer of answers) stream.send(answer);
    resolve(options.request?.signal.aborted ? dropConnection(stream) : stream.response);
    return stream;
  };
  function stop(refusal: Response): void {
    isStopped = true;
    stopWaiting();
    options.cancel?.();
    stream?.end();
    resolve(refusal);
  }
  // Without OAuth no access ends.
  const call: CallInFlight | undefined = caller.refuse && { caller, stop };
  if (call !== undefined) inFlight?.add(call);
  const leave = () => call !== undefined && inFlight?.remove(call);
  const expire = () => {
    leave();
    stop(composeRefusal(caller));
  };
  // A client that waits for plain JSON has no stream that would end.
  const timer = isPlain ? setEnd(caller, now(), expire) : undefined;
  if (!isPlain) patience.expect(upgrade);
  function stopWaiting(): void {
    patience.forget(upgrade);
    clearTimeout(timer);
  }

  const settle = () => {
    if (isStopped || --remaining > 0) return;
    leave();
    if (stream !== undefined) return stream.end();
    stopWaiting();
    resolve(composePlain(options, answers, status));
  };

  return {
    response,
    responder: {
      notify(message, isGuessed) {
        if (isStopped) return;
        // It may belong to another call, and is not for a caller with an old credential.
        const isLate = isGuessed && !(stream?.isCurrent() ?? !hasRunOut(caller, now()));
        if (isPlain || isLate) options.sendUnrelated?.(message);
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
      stopWaiting();
      resolve(composeGone());
    },
  };
}

/** Calls `expire` when the credential has run out for too long. */
function setEnd({ expiresAt = Infinity }: Caller, now: number, expire: () => void): Timer | undefined {
  const wait = expiresAt + CALLS_LAST - now;
  return wait < LONGEST_WAIT ? setTimeout(expire, wait) : undefined;
}

/** Everything that there was to send, in one piece. */
function composePlain(
  { streams, caller, batch, headers }: PostResponseOptions,
  answers: readonly Uint8Array[],
  status: number,
): Response {
  if (answers.length === 0) return composeEmpty(headers);
  const answer = batch ? joinBatch(answers) : answers[0]!;
  return streams.answer(caller, answer, { status, headers: jsonHeaders(headers) });
}

// A Headers object costs half as much to copy as a literal.
const JSON_HEADERS = new Headers({ "content-type": "application/json" });

function jsonHeaders(more?: Record<string, string>): Headers | Record<string, string> {
  return more === undefined ? JSON_HEADERS : { "content-type": "application/json", ...more };
}

/**
 * A call that was cancelled has no answer. An empty stream says so to both old and new clients; with an id in it, it
 * would be one to come back for.
 */
function composeEmpty(headers: Record<string, string> | undefined): Response {
  return new Response("", { headers: { ...EVENT_STREAM, ...headers } });
}

/** The client has hung up; the messages of its stream are kept until it comes back. */
function dropConnection({ response }: EventStream): Response {
  void response.body?.cancel();
  return composeGone();
}

/** No client reads it; the log shows the status that proxies use for this. */
function composeGone(): Response {
  return new Response(null, { status: 499 });
}

function joinBatch(answers: readonly Uint8Array[]): Uint8Array {
  const pieces = answers.flatMap((answer, index) => (index === 0 ? [answer] : [COMMA, answer]));
  return Buffer.concat([Buffer.from("["), ...pieces, Buffer.from("]")]);
}

/** Clients must accept both forms; one that names only JSON gets only JSON, and one that names neither gets both. */
export function takesEvents(request: Request): boolean {
  const accept = request.headers.get("accept");
  return (
    accept === null ||
    accept.includes("*/*") ||
    accept.includes("text/*") ||
    accept.includes("text/event-stream")
  );
}

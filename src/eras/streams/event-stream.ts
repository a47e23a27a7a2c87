// Server-sent events (WHATWG HTML §9.2) as MCP uses them: one message an event, comments to keep the way open.
// A stream ends when its caller's credential does, or a while later where it was asked for with a good one.
import { CALLS_LAST, hasRunOut } from "../access-lifetime.ts";
import type { Caller } from "../caller.ts";
import { createOpenBodies, type OpenBodies, type OpenBodiesOptions, type OpenBody } from "./open-bodies.ts";
import { createPacedBody, type PacedBody } from "./paced-body.ts";
import type { Backlog } from "./pulled-body.ts";

export interface EventStream {
  readonly response: Response;
  /** Sends one message. Does nothing on a stream that has ended. @param id the event's id, for coming back to it */
  send(message: Uint8Array, id?: string): void;
  /** Sends a call's own message, which began while the credential was good: also on a stream that waits for a new one. */
  sendOwn(message: Uint8Array): void;
  /** Whether the credential has not run out by itself; where it was revoked, there is no stream any more. */
  isCurrent(): boolean;
  /** Sends the id to come back with, and how long to wait before that, without a message. */
  prime(id: string): void;
  /** Sends an event of another kind than `message`. */
  sendEvent(event: string, data: string): void;
  /** From now on the stream depends on another credential, if that is a newer one of the same grant. */
  renew(caller: Caller): void;
  end(): void;
}

export interface StreamOptions {
  /** Added to the response's own. */
  headers?: Record<string, string> | undefined;
  /** Milliseconds for which it goes on when the credential has run out by itself; without them it ends then. */
  lasts?: number | undefined;
  /** Meanwhile it waits for a new credential, and carries only what belongs to calls from before. */
  waits?: boolean;
}

/** Responses that go out no faster than their clients read. */
export interface Streams {
  /**
   * @param closed called once when the stream has ended, on either side
   */
  open(caller: Caller, closed: () => void, options?: StreamOptions): EventStream;
  /** A plain answer; it was earned with a good credential, and only revocation cuts it. */
  answer(caller: Caller, answer: Uint8Array, init?: ResponseInit): Response;
}

export interface EventStreams extends Streams {
  /** The same, with `backlog` called with the changes of what is unread of them. */
  countedBy(backlog: Backlog): Streams;
  /** Whether a response of these goes on after it has begun. */
  isStream(response: Response): boolean;
  /** Calls `sent` with the bytes that a stream has carried, when it has ended. */
  whenSent(response: Response, sent: (bytes: number) => void): void;
  /** Ends the streams whose caller lost access. @param grantId the grant of which a token was revoked */
  endUnallowed(grantId?: string): void;
  close(): void;
}

/** Answers of fewer bytes leave in one piece: the connection's own buffers hold about as much. */
const PACED_FROM = 256 * 1024;

/** Milliseconds a client that was cut off shall wait before it comes back. */
const COME_BACK = 1_000;

export const EVENT_STREAM = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  // nginx, and proxies that imitate it, hold answers back without this.
  "x-accel-buffering": "no",
};

const encoder = new TextEncoder();
/** The first bytes, so that the headers leave at once. */
const OPENING = encoder.encode(": open\n\n");
const BEFORE_TEXT = "event: message\ndata: ";
const BEFORE = encoder.encode(BEFORE_TEXT);
const AFTER = encoder.encode("\n\n");

export type EventStreamsOptions = Omit<OpenBodiesOptions, "now"> & Partial<Pick<OpenBodiesOptions, "now">>;

export function createEventStreams({ now = Date.now, ...options }: EventStreamsOptions): EventStreams {
  const bodies = createOpenBodies({ ...options, now });
  const endings = new WeakMap<Response, Ending>();
  const countedBy = (backlog: Backlog): Streams => ({
    open(caller, closed, { headers, lasts = 0, waits = false } = {}) {
      const ending: Ending = { isOver: false, bytes: 0, heard: undefined };
      const over = () => entry.end();
      const body = createBody({ bodies, backlog, caller, ending, over, opening: OPENING });
      const end = () => {
        if (!entry.isOpen) return;
        entry.isOpen = false;
        body.end();
        closed();
      };
      const entry: OpenBody = { caller, isOpen: true, isHeld: false, lasts, waits, due: Infinity, end };
      bodies.add(body, entry);
      bodies.expectEnd(entry);
      const response = new Response(body.readable, { headers: { ...EVENT_STREAM, ...headers } });
      endings.set(response, ending);
      return createEventStream({ response, body, bodies, entry, now });
    },
    answer(caller, answer, init) {
      if (answer.length < PACED_FROM) return new Response(answer, init);
      const ending: Ending = { isOver: false, bytes: 0, heard: undefined };
      const body = createBody({ bodies, backlog, caller, ending });
      const never = { lasts: Infinity, waits: false, due: Infinity };
      bodies.add(body, { caller, isOpen: false, isHeld: false, ...never, end: body.end });
      body.write(answer);
      body.end();
      const response = new Response(body.readable, init);
      endings.set(response, ending);
      return response;
    },
  });

  return {
    ...countedBy(() => {}),
    countedBy,
    isStream(response) {
      return endings.has(response);
    },
    whenSent(response, sent) {
      const ending = endings.get(response);
      if (ending === undefined || ending.isOver) sent(ending?.bytes ?? 0);
      else ending.heard = sent;
    },
    endUnallowed: bodies.endUnallowed,
    close: bodies.close,
  };
}

/** How a body ends, for whoever observes it. */
interface Ending {
  isOver: boolean;
  bytes: number;
  heard: ((bytes: number) => void) | undefined;
}

interface BodyOptions {
  bodies: OpenBodies;
  backlog: Backlog;
  caller: Caller;
  ending: Ending;
  over?(): void;
  opening?: Uint8Array;
}

function createBody({ bodies, backlog, caller, ending, over, opening }: BodyOptions): PacedBody {
  const streamed = caller.onStream?.();
  const body = createPacedBody(
    backlog,
    () => {
      bodies.remove(body);
      streamed?.();
      over?.();
      ending.isOver = true;
      ending.bytes = body.sent;
      ending.heard?.(body.sent);
    },
    opening,
  );
  return body;
}

interface EventStreamParts {
  response: Response;
  body: PacedBody;
  bodies: OpenBodies;
  entry: OpenBody;
  now(): number;
}

function createEventStream({ response, body, bodies, entry, now }: EventStreamParts): EventStream {
  return {
    response,
    send: (message, id) =>
      body.write(id === undefined ? BEFORE : encoder.encode(`id: ${id}\n${BEFORE_TEXT}`), message, AFTER),
    sendOwn: (message) =>
      hasRunOut(entry.caller, now() - CALLS_LAST)
        ? body.write(BEFORE, message, AFTER)
        : body.pass(BEFORE, message, AFTER),
    isCurrent: () => !hasRunOut(entry.caller, now()),
    prime: (id) => body.write(encoder.encode(`id: ${id}\nretry: ${COME_BACK}\ndata: \n\n`)),
    sendEvent: (event, data) => body.write(encoder.encode(`event: ${event}\ndata: ${data}\n\n`)),
    renew(newer) {
      const { principal, expiresAt = Infinity } = entry.caller;
      const isSame = newer.principal?.grantId === principal?.grantId;
      if (!entry.isOpen || !isSame || (newer.expiresAt ?? Infinity) <= expiresAt) return;
      entry.caller = newer;
      entry.isHeld = false;
      body.release();
      bodies.expectEnd(entry);
    },
    end: () => entry.end(),
  };
}

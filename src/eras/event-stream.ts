// Server-sent events (WHATWG HTML §9.2) as MCP uses them: one message an event, comments to keep the way open.
// A stream ends when its caller's credential does.
import { isRevoked } from "./calls-in-flight.ts";
import type { Caller } from "./era.ts";
import { createExpiryAlarm } from "./expiry-alarm.ts";
import { createPacedBody, type Backlog, type PacedBody } from "./paced-body.ts";

export interface EventStream {
  readonly response: Response;
  /** Sends one message. Does nothing on a stream that has ended. @param id the event's id, for coming back to it */
  send(message: Uint8Array, id?: string): void;
  /** Tells the client the id to come back with, and how long to wait before it does, without a message. */
  prime(id: string): void;
  /** Sends an event of another kind than `message`. */
  sendEvent(event: string, data: string): void;
  /** From now on the stream hangs on another credential, if that is a newer one of the same grant. */
  renew(caller: Caller): void;
  end(): void;
}

/** What goes out at the pace of whoever reads it. */
export interface Streams {
  /**
   * @param closed called once when the stream has ended, whoever ended it
   * @param headers added to the response's own
   * @param grace milliseconds for which nothing is sent when the credential has run out, before the stream ends
   */
  open(caller: Caller, closed: () => void, headers?: Record<string, string>, grace?: number): EventStream;
  /** The body of a plain answer. */
  pace(caller: Caller, answer: Uint8Array): Uint8Array | ReadableStream<Uint8Array>;
}

export interface EventStreams extends Streams {
  /** The same, with `backlog` told what is unread of them. */
  countedBy(backlog: Backlog): Streams;
  /** Ends the streams whose caller may no longer listen. @param grantId the grant that something of was revoked */
  recheck(grantId?: string): void;
  close(): void;
}

/** Answers of fewer bytes leave in one piece: the connection's own buffers hold about as much. */
const PACED_FROM = 256 * 1024;

/** Milliseconds a client that was cut off shall wait before it comes back. */
const COME_BACK = 1_000;

export const EVENT_STREAM = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  // nginx and those who imitate it hold answers back without this.
  "x-accel-buffering": "no",
};

const encoder = new TextEncoder();
/** The first bytes, so that the headers leave at once. */
const OPENING = encoder.encode(": open\n\n");
const KEEP_ALIVE = encoder.encode(": keep-alive\n\n");
const BEFORE_TEXT = "event: message\ndata: ";
const BEFORE = encoder.encode(BEFORE_TEXT);
const AFTER = encoder.encode("\n\n");

export interface EventStreamsOptions {
  /** Milliseconds between the comments on every open stream. */
  keepAlive: number;
  /** Called when a client was cut off because it has taken nothing for four times as long. */
  stalled?(): void;
  now?(): number;
}

interface Entry {
  caller: Caller;
  isOpen: boolean;
  /** Nothing is handed over: the credential has run out, and may be renewed. */
  isHeld: boolean;
  readonly grace: number;
  end(): void;
}

export function createEventStreams({
  keepAlive,
  stalled,
  now = Date.now,
}: EventStreamsOptions): EventStreams {
  /** Everything that still goes out; what is no event stream, or has ended, gets no comments. */
  const bodies = new Map<PacedBody, Entry>();

  /** What is sent in a time of grace waits for a credential that is good. */
  const mayWait = (body: PacedBody, entry: Entry, grantId: string | undefined): boolean => {
    const { caller, grace, isHeld } = entry;
    if (isRevoked(caller, grantId, now()) || now() >= endOf(entry, grace)) return false;
    if (!isHeld && body.unread > 0) return false;
    entry.isHeld = true;
    body.hold();
    alarm.expect(endOf(entry, grace));
    return true;
  };
  const recheck = (grantId?: string) => {
    for (const [body, entry] of bodies) {
      if (entry.caller.isValid() || mayWait(body, entry, grantId)) continue;
      if (body.unread > 0) body.cut();
      else {
        body.release();
        entry.end();
      }
    }
  };
  const alarm = createExpiryAlarm({
    now,
    ring(at) {
      recheck();
      const ends = [...bodies.values()].map((entry) => endOf(entry, entry.isHeld ? entry.grace : 0));
      const next = ends.reduce((least, end) => (end > at && end < least ? end : least), Infinity);
      return next < Infinity ? next : undefined;
    },
  });
  // One timer for all: a thousand idle streams cost one tick.
  const timer = setInterval(() => {
    recheck();
    for (const [body, { isOpen, isHeld }] of bodies) {
      if (body.isStalled()) {
        body.cut();
        stalled?.();
      } else if (isOpen && !isHeld && body.unread === 0) body.write(KEEP_ALIVE);
    }
  }, keepAlive);
  timer.unref();

  const countedBy = (backlog: Backlog): Streams => ({
    open(caller, closed, headers, grace = 0) {
      const entry: Entry = { caller, isOpen: true, isHeld: false, grace, end };
      const body = createPacedBody(
        backlog,
        () => {
          bodies.delete(body);
          end();
        },
        OPENING,
      );
      bodies.set(body, entry);
      alarm.expect(caller.expiresAt);
      return { ...createEventStream(body, end, { ...EVENT_STREAM, ...headers }), renew };

      function end() {
        if (!entry.isOpen) return;
        entry.isOpen = false;
        body.end();
        closed();
      }
      function renew(newer: Caller) {
        const { grantId, expiresAt = Infinity } = entry.caller;
        if (newer.grantId !== grantId || (newer.expiresAt ?? Infinity) <= expiresAt) return;
        entry.caller = newer;
        entry.isHeld = false;
        body.release();
        alarm.expect(newer.expiresAt);
      }
    },
    pace(caller, answer) {
      if (answer.length < PACED_FROM) return answer;
      const body = createPacedBody(backlog, () => bodies.delete(body));
      bodies.set(body, { caller, isOpen: false, isHeld: false, grace: 0, end: body.end });
      alarm.expect(caller.expiresAt);
      body.write(answer);
      body.end();
      return body.readable;
    },
  });

  return {
    ...countedBy(() => {}),
    countedBy,
    recheck,
    close() {
      clearInterval(timer);
      alarm.close();
      for (const { end } of bodies.values()) end();
    },
  };
}

/** When the credential has run out for so long. */
function endOf({ caller: { expiresAt = Infinity } }: Entry, ms: number): number {
  return expiresAt + ms;
}

function createEventStream(
  { readable, write }: PacedBody,
  end: () => void,
  headers: Record<string, string>,
): Omit<EventStream, "renew"> {
  return {
    response: new Response(readable, { headers }),
    end,
    send: (message, id) =>
      write(id === undefined ? BEFORE : encoder.encode(`id: ${id}\n${BEFORE_TEXT}`), message, AFTER),
    prime: (id) => write(encoder.encode(`id: ${id}\nretry: ${COME_BACK}\ndata: \n\n`)),
    sendEvent: (event, data) => write(encoder.encode(`event: ${event}\ndata: ${data}\n\n`)),
  };
}

// Server-sent events (WHATWG HTML §9.2) as MCP uses them: one message an event, comments to keep the way open.
// A stream ends when its caller's credential does, or a while later where it was asked for with a good one.
import { CALLS_LAST, hasRunOut, isRevoked } from "../access-lifetime.ts";
import type { Caller } from "../caller.ts";
import { createExpiryAlarm } from "./expiry-alarm.ts";
import { createPacedBody, type Backlog, type PacedBody } from "./paced-body.ts";

export interface EventStream {
  readonly response: Response;
  /** Sends one message. Does nothing on a stream that has ended. @param id the event's id, for coming back to it */
  send(message: Uint8Array, id?: string): void;
  /** Sends a call's own message, which began while the credential was good: also on a stream that waits for a new one. */
  sendOwn(message: Uint8Array): void;
  /** Whether the credential has not run out by itself; whoever was shown out has no stream any more. */
  isCurrent(): boolean;
  /** Tells the client the id to come back with, and how long to wait before it does, without a message. */
  prime(id: string): void;
  /** Sends an event of another kind than `message`. */
  sendEvent(event: string, data: string): void;
  /** From now on the stream hangs on another credential, if that is a newer one of the same grant. */
  renew(caller: Caller): void;
  end(): void;
}

export interface Opening {
  /** Added to the response's own. */
  headers?: Record<string, string> | undefined;
  /** Milliseconds for which it goes on when the credential has run out by itself; without them it ends then. */
  lasts?: number | undefined;
  /** Meanwhile it waits for a new credential, and carries nothing but what calls from before have of their own. */
  waits?: boolean;
}

/** What goes out at the pace of whoever reads it. */
export interface Streams {
  /**
   * @param closed called once when the stream has ended, whoever ended it
   */
  open(caller: Caller, closed: () => void, opening?: Opening): EventStream;
  /** The body of a plain answer; it was earned with a good credential, and only revocation cuts it. */
  pace(caller: Caller, answer: Uint8Array): Uint8Array | ReadableStream<Uint8Array>;
}

export interface EventStreams extends Streams {
  /** The same, with `backlog` told what is unread of them. */
  countedBy(backlog: Backlog): Streams;
  /** Ends the streams whose caller may no longer listen. @param grantId the grant that something of was revoked */
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
  /** Only what is passed is handed over: the credential has run out, and may be renewed. */
  isHeld: boolean;
  readonly lasts: number;
  readonly waits: boolean;
  /** When it is to be looked at: its credential runs out, or has run out for so long that it ends. */
  due: number;
  end(): void;
}

export function createEventStreams({
  keepAlive,
  stalled,
  now = Date.now,
}: EventStreamsOptions): EventStreams {
  /** Everything that still goes out; what is no event stream, or has ended, gets no comments. */
  const bodies = new Map<PacedBody, Entry>();

  const endIfOver = (body: PacedBody, entry: Entry, grantId?: string) => {
    const { caller, waits } = entry;
    if (caller.isValid()) return;
    if (!isRevoked(caller, grantId, now()) && now() < endOf(entry)) {
      if (waits && !entry.isHeld) {
        entry.isHeld = true;
        entry.due = endOf(entry);
        body.hold();
      }
    } else if (body.unread > 0) body.cut();
    else entry.end();
  };
  const endUnallowed = (grantId?: string) => {
    for (const [body, entry] of bodies) endIfOver(body, entry, grantId);
  };
  const alarm = createExpiryAlarm({
    now,
    ring(at) {
      let next = Infinity;
      for (const [body, entry] of bodies) {
        if (entry.due <= at) {
          entry.due = Infinity;
          endIfOver(body, entry);
        }
        if (entry.due < next) next = entry.due;
      }
      return next < Infinity ? next : undefined;
    },
  });
  // One timer for all: a thousand idle streams cost one tick.
  const timer = setInterval(() => {
    endUnallowed();
    for (const [body, { isOpen }] of bodies) {
      if (body.isStalled()) {
        body.cut();
        stalled?.();
      } else if (isOpen && body.unread === 0) body.pass(KEEP_ALIVE);
    }
  }, keepAlive);
  timer.unref();

  const expectEnd = (entry: Entry) => {
    entry.due = entry.waits ? (entry.caller.expiresAt ?? Infinity) : endOf(entry);
    if (entry.due < Infinity) alarm.expect(entry.due);
  };
  const countedBy = (backlog: Backlog): Streams => ({
    open(caller, closed, { headers, lasts = 0, waits = false } = {}) {
      const entry: Entry = { caller, isOpen: true, isHeld: false, lasts, waits, due: Infinity, end };
      const over = caller.goOn?.();
      const body = createPacedBody(
        backlog,
        () => {
          bodies.delete(body);
          over?.();
          end();
        },
        OPENING,
      );
      bodies.set(body, entry);
      expectEnd(entry);
      const isCurrent = () => !hasRunOut(entry.caller, now());
      const sendOwn = (message: Uint8Array) =>
        hasRunOut(entry.caller, now() - CALLS_LAST)
          ? body.write(BEFORE, message, AFTER)
          : body.pass(BEFORE, message, AFTER);
      const sending = createEventStream(body, end, { ...EVENT_STREAM, ...headers });
      return { ...sending, sendOwn, isCurrent, renew };

      function end() {
        if (!entry.isOpen) return;
        entry.isOpen = false;
        body.end();
        closed();
      }
      function renew(newer: Caller) {
        const { grantId, expiresAt = Infinity } = entry.caller;
        if (!entry.isOpen || newer.grantId !== grantId || (newer.expiresAt ?? Infinity) <= expiresAt) return;
        entry.caller = newer;
        entry.isHeld = false;
        body.release();
        expectEnd(entry);
      }
    },
    pace(caller, answer) {
      if (answer.length < PACED_FROM) return answer;
      const over = caller.goOn?.();
      const body = createPacedBody(backlog, () => {
        bodies.delete(body);
        over?.();
      });
      const never = { lasts: Infinity, waits: false, due: Infinity };
      bodies.set(body, { caller, isOpen: false, isHeld: false, ...never, end: body.end });
      body.write(answer);
      body.end();
      return body.readable;
    },
  });

  return {
    ...countedBy(() => {}),
    countedBy,
    endUnallowed,
    close() {
      clearInterval(timer);
      alarm.close();
      for (const { end } of bodies.values()) end();
    },
  };
}

/** When a stream ends that nobody revokes. */
function endOf({ caller: { expiresAt = Infinity }, lasts }: Entry): number {
  return expiresAt + lasts;
}

function createEventStream(
  { readable, write }: PacedBody,
  end: () => void,
  headers: Record<string, string>,
): Omit<EventStream, "renew" | "sendOwn" | "isCurrent"> {
  return {
    response: new Response(readable, { headers }),
    end,
    send: (message, id) =>
      write(id === undefined ? BEFORE : encoder.encode(`id: ${id}\n${BEFORE_TEXT}`), message, AFTER),
    prime: (id) => write(encoder.encode(`id: ${id}\nretry: ${COME_BACK}\ndata: \n\n`)),
    sendEvent: (event, data) => write(encoder.encode(`event: ${event}\ndata: ${data}\n\n`)),
  };
}

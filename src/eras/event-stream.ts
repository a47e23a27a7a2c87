// Server-sent events (WHATWG HTML §9.2) as MCP uses them: one message an event, comments to keep the way open.
// A stream ends when its caller's credential does.
import type { Caller } from "./era.ts";
import { createPacedBody, type Backlog, type PacedBody } from "./paced-body.ts";

export interface EventStream {
  readonly response: Response;
  /** Sends one message. Does nothing on a stream that has ended. @param id the event's id, for coming back to it */
  send(message: Uint8Array, id?: string): void;
  /** Tells the client the id to come back with, and how long to wait before it does, without a message. */
  prime(id: string): void;
  /** Sends an event of another kind than `message`. */
  sendEvent(event: string, data: string): void;
  end(): void;
}

/** What goes out at the pace of whoever reads it. */
export interface Streams {
  /**
   * @param closed called once when the stream has ended, whoever ended it
   * @param headers added to the response's own
   */
  open(caller: Caller, closed: () => void, headers?: Record<string, string>): EventStream;
  /** The body of a plain answer. */
  pace(caller: Caller, answer: Uint8Array): Uint8Array | ReadableStream<Uint8Array>;
}

export interface EventStreams extends Streams {
  /** The same, with `backlog` told what is unread of them. */
  countedBy(backlog: Backlog): Streams;
  /** Ends the streams whose caller may no longer listen. */
  recheck(): void;
  close(): void;
}

/** Answers of fewer bytes leave in one piece: the connection's own buffers hold about as much. */
const PACED_FROM = 256 * 1024;

/** Milliseconds a client that was cut off shall wait before it comes back. */
const COME_BACK = 1_000;

const HEADERS = {
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
}

export function createEventStreams({ keepAlive, stalled }: EventStreamsOptions): EventStreams {
  /** Everything that still goes out; what is no event stream, or has ended, gets no comments. */
  const bodies = new Map<PacedBody, { caller: Caller; isOpen: boolean; end(): void }>();

  const recheck = () => {
    for (const [body, { caller, end }] of bodies) {
      if (caller.isValid()) continue;
      if (body.unread > 0) body.cut();
      else end();
    }
  };
  // One timer for all: a thousand idle streams cost one tick.
  const timer = setInterval(() => {
    recheck();
    for (const [body, { isOpen }] of bodies) {
      if (body.isStalled()) {
        body.cut();
        stalled?.();
      } else if (isOpen && body.unread === 0) body.write(KEEP_ALIVE);
    }
  }, keepAlive);
  timer.unref();

  const countedBy = (backlog: Backlog): Streams => ({
    open(caller, closed, headers) {
      const entry = { caller, isOpen: true, end };
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
      return createEventStream(body, end, { ...HEADERS, ...headers });

      function end() {
        if (!entry.isOpen) return;
        entry.isOpen = false;
        body.end();
        closed();
      }
    },
    pace(caller, answer) {
      if (answer.length < PACED_FROM) return answer;
      const over = caller.goOn?.();
      const body = createPacedBody(backlog, () => {
        bodies.delete(body);
        over?.();
      });
      bodies.set(body, { caller, isOpen: false, end: body.end });
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
      for (const { end } of bodies.values()) end();
    },
  };
}

function createEventStream(
  { readable, write }: PacedBody,
  end: () => void,
  headers: Record<string, string>,
): EventStream {
  return {
    response: new Response(readable, { headers }),
    end,
    send: (message, id) =>
      write(id === undefined ? BEFORE : encoder.encode(`id: ${id}\n${BEFORE_TEXT}`), message, AFTER),
    prime: (id) => write(encoder.encode(`id: ${id}\nretry: ${COME_BACK}\ndata: \n\n`)),
    sendEvent: (event, data) => write(encoder.encode(`event: ${event}\ndata: ${data}\n\n`)),
  };
}

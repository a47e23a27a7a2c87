// Server-sent events (WHATWG HTML §9.2) as MCP uses them: one message an event, comments to keep the way open.
// A stream ends when its caller's credential does.
import type { Caller } from "./era.ts";

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

export interface EventStreams {
  /**
   * @param closed called once when the stream has ended, whoever ended it
   * @param headers added to the response's own
   */
  open(caller: Caller, closed: () => void, headers?: Record<string, string>): EventStream;
  /** Ends the streams whose caller may no longer listen. */
  recheck(): void;
  close(): void;
}

/** Bytes that a client may leave unread before its stream is ended. */
const MAX_UNREAD = 256 * 1024 * 1024;

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

/** @param keepAlive milliseconds between the comments on every open stream */
export function createEventStreams(keepAlive: number): EventStreams {
  const open = new Map<Inner, Caller>();

  const recheck = () => {
    for (const [stream, caller] of open) if (!caller.isValid()) stream.end();
  };
  // One timer for all: a thousand idle streams cost one tick.
  const timer = setInterval(() => {
    recheck();
    for (const stream of open.keys()) stream.write(KEEP_ALIVE);
  }, keepAlive);
  timer.unref();

  return {
    open(caller, closed, headers) {
      const stream = createEventStream(
        () => {
          open.delete(stream);
          closed();
        },
        { ...HEADERS, ...headers },
      );
      open.set(stream, caller);
      return stream;
    },
    recheck,
    close() {
      clearInterval(timer);
      for (const stream of open.keys()) stream.end();
    },
  };
}

interface Inner extends EventStream {
  write(chunk: Uint8Array): void;
}

function createEventStream(closed: () => void, headers: Record<string, string>): Inner {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const finish = () => {
    if (controller === undefined) return;
    controller = undefined;
    closed();
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start(started) {
        controller = started;
        started.enqueue(OPENING);
      },
      cancel: finish,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD }),
  );
  const end = () => {
    controller?.close();
    finish();
  };
  const write = (chunk: Uint8Array) => {
    if (controller === undefined) return;
    if ((controller.desiredSize ?? 0) < chunk.length) return end();
    controller.enqueue(chunk);
  };
  return {
    response: new Response(body, { headers }),
    write,
    end,
    send: (message, id) =>
      write(
        Buffer.concat([
          id === undefined ? BEFORE : encoder.encode(`id: ${id}\n${BEFORE_TEXT}`),
          message,
          AFTER,
        ]),
      ),
    prime: (id) => write(encoder.encode(`id: ${id}\nretry: ${COME_BACK}\ndata: \n\n`)),
    sendEvent: (event, data) => write(encoder.encode(`event: ${event}\ndata: ${data}\n\n`)),
  };
}

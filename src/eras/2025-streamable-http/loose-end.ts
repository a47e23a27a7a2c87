// A session's GET stream, and what waits while the client has none open.
import type { Caller } from "../era.ts";
import type { EventStream } from "../event-stream.ts";
import type { SessionStreams } from "./session-streams.ts";

export interface LooseEnd {
  /** Sends a message, or keeps it until the client listens. */
  send(message: Uint8Array): void;
  /**
   * The answer to a GET. A client that comes again has lost its first stream, whether or not we have noticed.
   *
   * @param lastEventId the event a client was cut off behind, on this stream or on a POST's
   */
  open(caller: Caller, lastEventId: string | null): Response;
  isOpen(): boolean;
  close(): void;
}

/** What is kept for a client that does not listen; the oldest goes first. */
const MAX_KEPT_MESSAGES = 100;
const MAX_KEPT_BYTES = 1024 * 1024;

export function createLooseEnd(streams: SessionStreams): LooseEnd {
  let stream: EventStream | undefined;
  let kept: Uint8Array[] = [];
  let keptBytes = 0;

  return {
    send(message) {
      if (stream !== undefined) return stream.send(message);
      kept.push(message);
      keptBytes += message.length;
      while (kept.length > MAX_KEPT_MESSAGES || keptBytes > MAX_KEPT_BYTES) keptBytes -= kept.shift()!.length;
    },
    open(caller, lastEventId) {
      const resumed = lastEventId === null ? undefined : streams.resume(caller, lastEventId);
      if (resumed !== undefined) return resumed;
      stream?.end();
      const opened = streams.open(caller, () => {
        if (stream === opened) stream = undefined;
      });
      stream = opened;
      for (const message of kept) opened.send(message);
      kept = [];
      keptBytes = 0;
      return opened.response;
    },
    isOpen: () => stream !== undefined,
    close: () => stream?.end(),
  };
}

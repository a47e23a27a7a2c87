// Event ids of a session that goes on: none from its life before may be taken for one of these.
import type { Streams } from "../streams/event-stream.ts";

/** @param mark stands before the number of every event, and differs from life to life */
export function markEvents(streams: Streams, mark: string): Streams {
  return {
    ...streams,
    open(...args) {
      const stream = streams.open(...args);
      return {
        ...stream,
        send: (message, id) => stream.send(message, id && mark + id),
        prime: (id) => stream.prime(mark + id),
      };
    },
  };
}

/** An event as the streams of this life know it; `null` for one of a life before. */
export function unmarkEvent(lastEventId: string | null, mark: string): string | null {
  return lastEventId?.startsWith(mark) ? lastEventId.slice(mark.length) : null;
}

// Event ids of an adopted session: none from before the adoption may be taken for one of these.
import type { Streams } from "../streams/event-stream.ts";

/** Stands before the number of every event that is sent after the adoption. */
const MARK = "a";

export function markEvents(streams: Streams): Streams {
  return {
    ...streams,
    open(...args) {
      const stream = streams.open(...args);
      return {
        ...stream,
        send: (message, id) => stream.send(message, id && MARK + id),
        prime: (id) => stream.prime(MARK + id),
      };
    },
  };
}

/** An event of an adopted session as its streams know it; `null` for one that was sent before. */
export function unmarkEvent(lastEventId: string | null): string | null {
  return lastEventId?.startsWith(MARK) ? lastEventId.slice(MARK.length) : null;
}

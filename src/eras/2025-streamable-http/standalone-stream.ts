// A session's GET stream, and what waits while the client has none open.
import type { Caller } from "../caller.ts";
import { refuseResume, refuseStreams } from "../error-response.ts";
import { ownBytes, type Queue } from "../streams/retention.ts";
import type { SessionStreams } from "./session-streams.ts";

export interface LooseEnd {
  /** Sends a message, or keeps it until the client listens. */
  send(message: Uint8Array): void;
  /**
   * The answer to a GET. A client may have several streams open, or have lost some without our noticing; the
   * newest gets what is sent, and the others are left alone.
   *
   * @param lastEventId the event a client was cut off behind, on this stream or on a POST's
   */
  open(caller: Caller, lastEventId: string | null): Response;
  close(): void;
}

/** @param unheard what is kept for a client that does not listen */
export function createLooseEnd(streams: SessionStreams, unheard: Queue<Uint8Array>): LooseEnd {
  const { standing } = streams;

  return {
    send(message) {
      if (standing.isConnected) return standing.send(message);
      const own = ownBytes(message);
      unheard.add(own, own.length);
    },
    open(caller, lastEventId) {
      // A stream that begins where a POST's has ended would be one too many: the client has its own.
      if (lastEventId && !standing.owns(lastEventId))
        return streams.resume(caller, lastEventId) ?? refuseResume();
      const response = standing.connect(caller, lastEventId);
      if (response === undefined) return refuseStreams();
      for (const message of unheard.takeAll()) standing.send(message);
      return response;
    },
    close() {
      standing.close();
      unheard.close();
    },
  };
}

// A session's GET stream, and what waits while the client has none open.
import type { Caller } from "../caller.ts";
import { nothingToResume, tooManyStreams } from "../error-response.ts";
import { ownBytes, type Queue } from "../streams/retention.ts";
import type { SessionStreams } from "./session-streams.ts";

export interface StandaloneStream {
  /** Sends a message, or keeps it until the client listens. */
  send(message: Uint8Array): void;
  /**
   * The response to a GET. A client may have several streams open, or have lost some without our noticing; the newest
   * gets what is sent, and the others are left alone.
   *
   * @param lastEventId the event a client was cut off behind, on this stream or on a POST's
   */
  open(caller: Caller, lastEventId: string | null): Response;
  close(): void;
}

/** @param unheard what is kept for a client that does not listen */
export function createStandaloneStream(
  streams: SessionStreams,
  unheard: Queue<Uint8Array>,
): StandaloneStream {
  const { standalone } = streams;

  return {
    send(message) {
      if (standalone.isConnected) return standalone.send(message);
      const own = ownBytes(message);
      unheard.add(own, own.length);
    },
    open(caller, lastEventId) {
      // A stream that begins where a POST's has ended would be one too many: the client has its own.
      if (lastEventId && !standalone.owns(lastEventId))
        return streams.resume(caller, lastEventId) ?? nothingToResume();
      const response = standalone.connect(caller, lastEventId);
      if (response === undefined) return tooManyStreams();
      for (const message of unheard.takeAll()) standalone.send(message);
      return response;
    },
    close() {
      standalone.close();
      unheard.close();
    },
  };
}

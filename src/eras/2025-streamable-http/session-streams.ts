// The event streams of one session, each of which outlives the connection it began on: events are
// numbered and kept for a while, and a client that was cut off takes up where it stopped.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
import type { Caller } from "../era.ts";
import type { EventStream, Streams } from "../event-stream.ts";

/** `closed` is called when a connection has ended; the stream itself may go on on another. */
export interface SessionStreams extends Streams {
  /** Goes on with a stream behind an event; `undefined` when the event is not known, or no longer. */
  resume(caller: Caller, lastEventId: string): Response | undefined;
}

export interface SessionStreamsOptions {
  streams: Streams;
  /** The client expects to be told at once how to come back (2025-11-25). */
  primes: boolean;
  /** The most bytes of events that are kept. */
  limit?: number;
}

interface Event {
  number: number;
  message: Uint8Array;
}

interface Track {
  readonly id: string;
  /** Events that are still kept, oldest first. */
  readonly events: Event[];
  /** The number of the newest event. */
  last: number;
  connection: EventStream | undefined;
  isEnded: boolean;
}

const LIMIT = 1024 * 1024;

export function createSessionStreams({
  streams,
  primes,
  limit = LIMIT,
}: SessionStreamsOptions): SessionStreams {
  const tracks = new Map<string, Track>();
  /** What is kept, oldest first, over all streams. */
  const kept: { track: Track; bytes: number }[] = [];
  let keptBytes = 0;
  let opened = 0;

  const keep = (track: Track, message: Uint8Array): string => {
    track.events.push({ number: ++track.last, message });
    kept.push({ track, bytes: message.length });
    keptBytes += message.length;
    while (keptBytes > limit) {
      const oldest = kept.shift()!;
      keptBytes -= oldest.bytes;
      oldest.track.events.shift();
      forgetIfOver(oldest.track);
    }
    return eventId(track, track.last);
  };

  const forgetIfOver = (track: Track) => {
    if (track.isEnded && track.events.length === 0) tracks.delete(track.id);
  };

  const connect = (track: Track, caller: Caller, closed: () => void, headers?: Record<string, string>) => {
    const connection = streams.open(
      caller,
      () => {
        if (track.connection === connection) track.connection = undefined;
        closed();
      },
      headers,
    );
    track.connection = connection;
    if (primes) connection.prime(eventId(track, track.last));
    return connection;
  };

  return {
    pace: streams.pace,
    open(caller, closed, headers) {
      const track: Track = {
        id: String(++opened),
        events: [],
        last: 0,
        connection: undefined,
        isEnded: false,
      };
      tracks.set(track.id, track);
      const { response } = connect(track, caller, closed, headers);
      return {
        response,
        send(message) {
          const id = keep(track, message);
          track.connection?.send(message, id);
        },
        prime: (id) => track.connection?.prime(id),
        sendEvent: (event, data) => track.connection?.sendEvent(event, data),
        end() {
          track.isEnded = true;
          track.connection?.end();
          forgetIfOver(track);
        },
      };
    },
    resume(caller, lastEventId) {
      const [, id = "", number = ""] = /^(\d+)_(\d+)$/.exec(lastEventId) ?? [];
      const track = tracks.get(id);
      const missed = track?.events.filter((event) => event.number > Number(number)) ?? [];
      // What was said in between may have been forgotten: going on would hide a gap.
      if (track === undefined || missed.length !== track.last - Number(number)) return undefined;
      track.connection?.end();
      const connection = connect(track, caller, () => {});
      for (const event of missed) connection.send(event.message, eventId(track, event.number));
      if (track.isEnded) connection.end();
      return connection.response;
    },
  };
}

function eventId(track: Track, number: number): string {
  return `${track.id}_${number}`;
}

// The event streams of one session, each of which outlives the connection it began on: events are
// numbered and kept for a while, and a client that was cut off takes up where it stopped.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
// A client whose connection ends comes back within a second, so none is ended for the sake of another.
import type { Caller } from "../era.ts";
import type { EventStream, Streams } from "../event-stream.ts";
import { createRetention, ownBytes, type Retention } from "../retention.ts";

/** `closed` is called when a connection has ended; the stream itself may go on on another. */
export interface SessionStreams extends Streams {
  /** The stream for what belongs to no POST; it lasts as long as the session. */
  readonly standing: StandingStream;
  /**
   * Goes on with the stream of a POST behind an event; `undefined` when there is nothing to go on with: the
   * event is not known, or no longer, or it was the last one.
   */
  resume(caller: Caller, lastEventId: string): Response | undefined;
}

export interface StandingStream {
  readonly isConnected: boolean;
  /** Whether an event id belongs to this stream. */
  owns(lastEventId: string): boolean;
  /**
   * Connects a client, which gets from now on what is sent.
   *
   * @param lastEventId the event it was cut off behind; what came after it is sent again where that is known
   */
  connect(caller: Caller, lastEventId: string | null): Response;
  send(message: Uint8Array): void;
  /** Ends every connection. */
  close(): void;
}

export interface SessionStreamsOptions {
  streams: Streams;
  /** The client expects to be told at once how to come back (2025-11-25). */
  primes: boolean;
  /** Where events are kept, which other sessions may share. */
  retention?: Retention;
  principal?: string;
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
  /** Newest last; that one gets what is sent. */
  connections: EventStream[];
  isEnded: boolean;
}

const LIMIT = 1024 * 1024;
const STANDING = "0";
/** Connections of one stream; what is beyond has surely been lost without a word. */
const MOST_CONNECTIONS = 16;

export function createSessionStreams({
  streams,
  primes,
  retention = createRetention(),
  principal = "",
  limit = LIMIT,
}: SessionStreamsOptions): SessionStreams {
  const tracks = new Map<string, Track>();
  const kept = retention.open<Track>({
    principal,
    bytes: limit,
    dropped(track) {
      track.events.shift();
      forgetIfOver(track);
    },
  });
  let opened = 0;

  const forgetIfOver = (track: Track) => {
    if (track.isEnded && track.events.length === 0) tracks.delete(track.id);
  };

  const connect = (
    track: Track,
    caller: Caller,
    { after = track.last, closed, headers }: Connecting = {},
  ): EventStream => {
    const connection = streams.open(
      caller,
      () => {
        leave(track, connection);
        closed?.();
      },
      headers,
    );
    track.connections.push(connection);
    if (track.connections.length > MOST_CONNECTIONS) track.connections[0]!.end();
    if (primes) connection.prime(eventId(track, after));
    for (const event of track.events)
      if (event.number > after) connection.send(event.message, eventId(track, event.number));
    return connection;
  };

  const send = (track: Track, message: Uint8Array) => {
    const own = ownBytes(message);
    track.events.push({ number: ++track.last, message: own });
    // Sent before it is kept, since what is kept may have to go at once.
    track.connections.at(-1)?.send(own, eventId(track, track.last));
    kept.add(track, own.length);
  };

  const standing = createTrack(STANDING);

  return {
    pace: streams.pace,
    standing: {
      get isConnected() {
        return standing.connections.length > 0;
      },
      owns: (lastEventId) => readEventId(lastEventId)?.id === STANDING,
      connect(caller, lastEventId) {
        const number = lastEventId === null ? undefined : readEventId(lastEventId)?.number;
        const after = number !== undefined && canGoOn(standing, number) ? number : standing.last;
        return connect(standing, caller, { after }).response;
      },
      send: (message) => send(standing, message),
      close() {
        for (const connection of standing.connections.splice(0)) connection.end();
        kept.close();
      },
    },
    open(caller, closed, headers) {
      const track = createTrack(String(++opened));
      tracks.set(track.id, track);
      const { response } = connect(track, caller, { closed, headers });
      return {
        response,
        send: (message) => send(track, message),
        prime: (id) => track.connections.at(-1)?.prime(id),
        renew: (newer) => track.connections.at(-1)?.renew(newer),
        sendEvent: (event, data) => track.connections.at(-1)?.sendEvent(event, data),
        end() {
          track.isEnded = true;
          for (const connection of track.connections.splice(0)) connection.end();
          forgetIfOver(track);
        },
      };
    },
    resume(caller, lastEventId) {
      const { id = "", number = 0 } = readEventId(lastEventId) ?? {};
      const track = tracks.get(id);
      if (track === undefined || !canGoOn(track, number)) return undefined;
      if (track.isEnded && number === track.last) return undefined;
      const connection = connect(track, caller, { after: number });
      if (track.isEnded) connection.end();
      return connection.response;
    },
  };
}

interface Connecting {
  /** The number of the event that the client has got already. */
  after?: number;
  closed?: (() => void) | undefined;
  headers?: Record<string, string> | undefined;
}

function createTrack(id: string): Track {
  return { id, events: [], last: 0, connections: [], isEnded: false };
}

/** What was said in between may have been forgotten: going on would hide a gap. */
function canGoOn({ events, last }: Track, number: number): boolean {
  return events.filter((event) => event.number > number).length === last - number;
}

/** When the one in use is gone, clients of older connections come back, and get what they have missed. */
function leave({ connections }: Track, connection: EventStream): void {
  const at = connections.indexOf(connection);
  if (at < 0) return;
  connections.splice(at, 1);
  if (at === connections.length) for (const older of connections.splice(0)) older.end();
}

function eventId(track: Track, number: number): string {
  return `${track.id}_${number}`;
}

function readEventId(text: string): { id: string; number: number } | undefined {
  const [, id, number] = /^(\d+)_(\d+)$/.exec(text) ?? [];
  return id === undefined ? undefined : { id, number: Number(number) };
}

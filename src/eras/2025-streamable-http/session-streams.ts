// The event streams of one session, each of which outlives the connection it began on: events are
// numbered and kept for a while, and a client that was cut off takes up where it stopped.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
// A client whose connection ends comes back within a second, so none is ended for the sake of another.
import { CALLS_LAST } from "../access-lifetime.ts";
import type { Caller } from "../caller.ts";
import type { EventStream, Opening, Streams } from "../streams/event-stream.ts";
import { createRetention, ownBytes, type Retention } from "../streams/retention.ts";

/** `closed` is called when a connection has ended; the stream itself may go on on another. */
export interface SessionStreams extends Streams {
  /** The stream for what belongs to no POST; it lasts as long as the session. */
  readonly standing: StandingStream;
  /** Whether the client has a connection to any of them. */
  readonly isConnected: boolean;
  /**
   * Goes on with the stream of a POST behind an event; `undefined` when there is nothing to go on with: the
   * event is not known, or was the last one, or what followed is not known any more of a call that has ended.
   * Of one that still runs the answer is worth more than what was forgotten.
   */
  resume(caller: Caller, lastEventId: string): Response | undefined;
}

export interface StandingStream {
  readonly isConnected: boolean;
  /** Whether an event id belongs to this stream. */
  owns(lastEventId: string): boolean;
  /**
   * Connects a client, which gets from now on what is sent; `undefined` when there are too many connections.
   *
   * @param lastEventId the event it was cut off behind; what came after it is sent again where that is known
   */
  connect(caller: Caller, lastEventId: string | null): Response | undefined;
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
  callerKey?: string;
  /** The most bytes of events that are kept. */
  limit?: number;
}

interface Event {
  number: number;
  message: Uint8Array;
}

interface Connection {
  readonly caller: Caller;
  readonly stream: EventStream;
  /** The number of the newest event that was sent on it. */
  told: number;
}

interface Track {
  readonly id: string;
  /** Events that are still kept, oldest first. */
  readonly events: Event[];
  /** The number of the newest event. */
  last: number;
  /** Newest last; that one gets what is sent. */
  connections: Connection[];
  isEnded: boolean;
}

const LIMIT = 1024 * 1024;
const STANDING = "0";
/** Connections of one stream; those that were lost without a word are noticed before long. */
const MOST_CONNECTIONS = 16;

export function createSessionStreams({
  streams,
  primes,
  retention = createRetention(),
  callerKey = "",
  limit = LIMIT,
}: SessionStreamsOptions): SessionStreams {
  const tracks = new Map<string, Track>();
  const kept = retention.open<Track>({
    callerKey,
    bytes: limit,
    dropped(track) {
      track.events.shift();
      forgetIfOver(track);
    },
  });
  let opened = 0;
  let connected = 0;

  const forgetIfOver = (track: Track) => {
    if (track.isEnded && track.events.length === 0) tracks.delete(track.id);
  };

  const connect = (
    track: Track,
    caller: Caller,
    { after = track.last, closed, ...opening }: Connecting = {},
  ): EventStream => {
    const stream = streams.open(
      caller,
      () => {
        connected--;
        leave(track, connection);
        closed?.();
      },
      opening,
    );
    const connection: Connection = { caller, stream, told: after };
    connected++;
    track.connections.push(connection);
    if (primes) stream.prime(eventId(track, after));
    catchUp(track, connection);
    return stream;
  };

  const send = (track: Track, message: Uint8Array) => {
    const own = ownBytes(message);
    track.events.push({ number: ++track.last, message: own });
    // Sent before it is kept, since what is kept may have to go at once.
    const newest = track.connections.at(-1);
    if (newest !== undefined) {
      newest.told = track.last;
      newest.stream.send(own, eventId(track, track.last));
    }
    kept.add(track, own.length);
  };

  const standing = createTrack(STANDING);

  return {
    pace: streams.pace,
    get isConnected() {
      return connected > 0;
    },
    standing: {
      get isConnected() {
        return standing.connections.length > 0;
      },
      owns: (lastEventId) => readEventId(lastEventId)?.id === STANDING,
      connect(caller, lastEventId) {
        if (isFull(standing)) return undefined;
        const number = lastEventId === null ? undefined : readEventId(lastEventId)?.number;
        const after = number !== undefined && canGoOn(standing, number) ? number : standing.last;
        return connect(standing, caller, { after }).response;
      },
      send: (message) => send(standing, message),
      close() {
        for (const connection of standing.connections.splice(0)) connection.stream.end();
        kept.close();
      },
    },
    open(caller, closed, opening) {
      const track = createTrack(String(++opened));
      tracks.set(track.id, track);
      const { response } = connect(track, caller, { ...opening, closed });
      const newest = () => track.connections.at(-1)?.stream;
      return {
        response,
        send: (message) => send(track, message),
        sendOwn: (message) => send(track, message),
        // What nobody listens to is kept, for a client with a good credential.
        isCurrent: () => newest()?.isCurrent() ?? true,
        prime: (id) => newest()?.prime(id),
        renew: (newer) => newest()?.renew(newer),
        sendEvent: (event, data) => newest()?.sendEvent(event, data),
        end() {
          track.isEnded = true;
          for (const connection of track.connections.splice(0)) connection.stream.end();
          forgetIfOver(track);
        },
      };
    },
    resume(caller, lastEventId) {
      const { id = "", number = 0 } = readEventId(lastEventId) ?? {};
      const track = tracks.get(id);
      if (track === undefined || number > track.last || isFull(track)) return undefined;
      if (track.isEnded && (number === track.last || !canGoOn(track, number))) return undefined;
      const connection = connect(track, caller, { after: number, lasts: CALLS_LAST });
      if (track.isEnded) connection.end();
      return connection.response;
    },
  };
}

interface Connecting extends Opening {
  /** The number of the event that the client has got already. */
  after?: number;
  closed?: (() => void) | undefined;
}

function createTrack(id: string): Track {
  return { id, events: [], last: 0, connections: [], isEnded: false };
}

/** What was said in between may have been forgotten: going on would hide a gap. */
function canGoOn({ events, last }: Track, number: number): boolean {
  return events.filter((event) => event.number > number).length === last - number;
}

function isFull({ connections }: Track): boolean {
  return connections.length >= MOST_CONNECTIONS;
}

/** When the one in use is gone, the next one gets what is sent, and what it has missed. */
function leave(track: Track, connection: Connection): void {
  const { connections } = track;
  const at = connections.indexOf(connection);
  if (at < 0) return;
  connections.splice(at, 1);
  const next = connections.at(-1);
  if (at === connections.length && next?.caller.isValid()) catchUp(track, next);
}

function catchUp(track: Track, connection: Connection): void {
  const { events, last } = track;
  for (const { number, message } of events)
    if (number > connection.told) connection.stream.send(message, eventId(track, number));
  connection.told = last;
}

function eventId(track: Track, number: number): string {
  return `${track.id}_${number}`;
}

function readEventId(text: string): { id: string; number: number } | undefined {
  const [, id, number] = /^(\d+)_(\d+)$/.exec(text) ?? [];
  return id === undefined ? undefined : { id, number: Number(number) };
}

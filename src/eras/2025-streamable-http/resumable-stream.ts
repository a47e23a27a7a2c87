// An event stream that outlives the connection it began on: events are numbered and kept for a while, and a client that
// was cut off goes on behind the last one it has got.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
import type { Caller } from "../caller.ts";
import type { EventStream, StreamOptions, Streams } from "../streams/event-stream.ts";
import { ownBytes } from "../streams/retention.ts";

export interface ResumableStream {
  readonly id: string;
  readonly isConnected: boolean;
  /** Whether it has as many connections as it may have. */
  readonly isFull: boolean;
  /** Whether it has ended and nothing is kept of it. */
  readonly isForgotten: boolean;
  /** The connection that gets what is sent. */
  newest(): EventStream | undefined;
  connect(caller: Caller, options?: ConnectOptions): EventStream;
  send(message: Uint8Array): void;
  /** Whether every event behind a number is still kept: going on otherwise would hide a gap. */
  canGoOn(number: number): boolean;
  /** Whether a client that has got the event of this number has something to come back for. */
  isResumable(number: number): boolean;
  /** Connects a client that comes back; the connection of a stream that has ended brings what is kept, and ends. */
  resume(caller: Caller, options: ConnectOptions): EventStream;
  /** Forgets the oldest event that is kept. */
  dropOldest(): void;
  /** Nothing more is sent; ends every connection. */
  end(): void;
}

export interface ConnectOptions extends StreamOptions {
  /** The number of the event that the client has got already; absent: the newest. */
  after?: number;
  closed?: (() => void) | undefined;
}

export interface ResumableStreamOptions {
  id: string;
  streams: Streams;
  /** The client expects to be sent an id to come back with at once (2025-11-25). */
  primes: boolean;
  /** An event has been added to those that are kept. */
  kept(stream: ResumableStream, bytes: number): void;
  /** The number of connections has changed. */
  connections(change: 1 | -1): void;
}

interface KeptEvent {
  readonly number: number;
  readonly message: Uint8Array;
}

interface Connection {
  readonly caller: Caller;
  readonly stream: EventStream;
  /** The number of the newest event that was sent on it. */
  sent: number;
}

/** Connections of one stream; one that was lost without a word is noticed before long. */
const MOST_CONNECTIONS = 16;

export function createResumableStream(options: ResumableStreamOptions): ResumableStream {
  const { id, streams, primes } = options;
  /** Oldest first. */
  const events: KeptEvent[] = [];
  /** Newest last; that one gets what is sent. */
  const connections: Connection[] = [];
  /** The number of the newest event. */
  let last = 0;
  let isEnded = false;

  const eventId = (number: number) => `${id}_${number}`;
  const catchUp = (connection: Connection) => {
    for (const { number, message } of events)
      if (number > connection.sent) connection.stream.send(message, eventId(number));
    connection.sent = last;
  };
  /** When the one in use is gone, the next one gets what is sent, and what it has missed. */
  const disconnect = (connection: Connection) => {
    options.connections(-1);
    const at = connections.indexOf(connection);
    if (at < 0) return;
    connections.splice(at, 1);
    const next = connections.at(-1);
    if (at === connections.length && next?.caller.isValid()) catchUp(next);
  };
  const connect = (caller: Caller, { after = last, closed, ...more }: ConnectOptions = {}) => {
    const over = () => {
      disconnect(connection);
      closed?.();
    };
    const connection: Connection = { caller, stream: streams.open(caller, over, more), sent: after };
    options.connections(1);
    connections.push(connection);
    if (primes) connection.stream.prime(eventId(after));
    catchUp(connection);
    return connection.stream;
  };
  const canGoOn = (number: number) =>
    events.filter((event) => event.number > number).length === last - number;

  const stream: ResumableStream = {
    id,
    get isConnected() {
      return connections.length > 0;
    },
    get isFull() {
      return connections.length >= MOST_CONNECTIONS;
    },
    get isForgotten() {
      return isEnded && events.length === 0;
    },
    newest: () => connections.at(-1)?.stream,
    connect,
    send(message) {
      const own = ownBytes(message);
      events.push({ number: ++last, message: own });
      // Sent before it is kept, since what is kept may have to go at once.
      const newest = connections.at(-1);
      if (newest !== undefined) {
        newest.sent = last;
        newest.stream.send(own, eventId(last));
      }
      options.kept(stream, own.length);
    },
    canGoOn,
    isResumable: (number) => number <= last && (!isEnded || (number < last && canGoOn(number))),
    resume(caller, more) {
      const connection = connect(caller, more);
      if (isEnded) connection.end();
      return connection;
    },
    dropOldest: () => void events.shift(),
    end() {
      isEnded = true;
      for (const connection of connections.splice(0)) connection.stream.end();
    },
  };
  return stream;
}

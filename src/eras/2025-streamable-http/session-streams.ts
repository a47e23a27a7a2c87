// The event streams of one session. A client whose connection ends comes back within a second, so none is ended for the
// sake of another.
import { CALLS_LAST } from "../access-lifetime.ts";
import type { Caller } from "../caller.ts";
import type { Streams } from "../streams/event-stream.ts";
import { createRetention, type Retention } from "../streams/retention.ts";
import { createResumableStream, type ResumableStream } from "./resumable-stream.ts";

/** `closed` is called when a connection has ended; the stream itself may go on on another. */
export interface SessionStreams extends Streams {
  /** The stream for what belongs to no POST; it lasts as long as the session. */
  readonly standalone: StandaloneConnections;
  /** Whether the client has a connection to any of them. */
  readonly isConnected: boolean;
  /**
   * Goes on with the stream of a POST behind an event; `undefined` when there is nothing to go on with: the event is not
   * known, or was the last one, or the call has ended and some of the later events are no longer kept. While the call
   * runs, such a gap is accepted for the sake of its answer.
   */
  resume(caller: Caller, lastEventId: string): Response | undefined;
}

export interface StandaloneConnections {
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
  /** The client expects to be sent an id to come back with at once (2025-11-25). */
  primes: boolean;
  /** Where events are kept, which other sessions may share. */
  retention?: Retention;
  callerKey?: string;
  /** The most bytes of events that are kept. */
  limit?: number;
}

const LIMIT = 1024 * 1024;
const STANDALONE = "0";

export function createSessionStreams(options: SessionStreamsOptions): SessionStreams {
  const { streams, primes, retention = createRetention(), callerKey = "", limit = LIMIT } = options;
  /** Those of POSTs. */
  const byId = new Map<string, ResumableStream>();
  const kept = retention.open<ResumableStream>({
    callerKey,
    bytes: limit,
    dropped(stream) {
      stream.dropOldest();
      if (stream.isForgotten) byId.delete(stream.id);
    },
  });
  let opened = 0;
  let connected = 0;
  const create = (id: string) =>
    createResumableStream({
      id,
      streams,
      primes,
      kept: kept.add,
      connections: (change) => void (connected += change),
    });
  const standalone = create(STANDALONE);

  return {
    answer: streams.answer,
    get isConnected() {
      return connected > 0;
    },
    standalone: {
      get isConnected() {
        return standalone.isConnected;
      },
      owns: (lastEventId) => readEventId(lastEventId)?.id === STANDALONE,
      connect(caller, lastEventId) {
        if (standalone.isFull) return undefined;
        const number = lastEventId === null ? undefined : readEventId(lastEventId)?.number;
        const after = number !== undefined && standalone.canGoOn(number) ? { after: number } : {};
        return standalone.connect(caller, after).response;
      },
      send: standalone.send,
      close() {
        standalone.end();
        kept.close();
      },
    },
    open(caller, closed, more) {
      const stream = create(String(++opened));
      byId.set(stream.id, stream);
      const { response } = stream.connect(caller, { ...more, closed });
      return {
        response,
        send: stream.send,
        sendOwn: stream.send,
        // Without a connection messages are kept, for a client with a good credential.
        isCurrent: () => stream.newest()?.isCurrent() ?? true,
        prime: (id) => stream.newest()?.prime(id),
        renew: (newer) => stream.newest()?.renew(newer),
        sendEvent: (event, data) => stream.newest()?.sendEvent(event, data),
        end() {
          stream.end();
          if (stream.isForgotten) byId.delete(stream.id);
        },
      };
    },
    resume(caller, lastEventId) {
      const { id = "", number = 0 } = readEventId(lastEventId) ?? {};
      const stream = byId.get(id);
      if (stream === undefined || stream.isFull || !stream.isResumable(number)) return undefined;
      return stream.resume(caller, { after: number, lasts: CALLS_LAST }).response;
    },
  };
}

function readEventId(text: string): { id: string; number: number } | undefined {
  const [, id, number] = /^(\d+)_(\d+)$/.exec(text) ?? [];
  return id === undefined ? undefined : { id, number: Number(number) };
}

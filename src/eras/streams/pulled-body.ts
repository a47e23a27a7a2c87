// The body of a response that is handed over no faster than its client takes it, so that the bytes that are unread are
// known and can be bounded. Bun empties the queue of a ReadableStream at once, whatever its size; only a chunk that was
// pulled for has a place in the connection (WHATWG Streams, "pull").

/** Called with the bytes more that clients have not taken yet; negative when they took some. */
export type Backlog = (change: number) => void;

export interface PulledBody {
  readonly readable: ReadableStream<Uint8Array>;
  /** Whether more can be added. */
  readonly isOpen: boolean;
  /** Bytes the client has not taken, though it could. */
  readonly unread: number;
  /** Bytes the client has taken. */
  readonly sent: number;
  /** Adds to what the client gets. Does nothing after the end. */
  add(chunks: readonly Uint8Array[]): void;
  /** Nothing follows; what is unread still goes out. */
  end(): void;
  /** Breaks off, so that the client cannot mistake what it has got for all there is. */
  cut(): void;
  /** Whether the client has taken something since the last look. */
  wasPulled(): boolean;
}

/** The most bytes handed over at once. */
const PIECE = 256 * 1024;
/**
 * @param over called once, when nothing more goes out
 * @param opening leaves with the headers, uncounted
 */
export function createPulledBody(backlog: Backlog, over: () => void, opening?: Uint8Array): PulledBody {
  let chunks: Uint8Array[] = [];
  let unread = 0;
  /** Bytes of the piece that the connection has, and has taken when it pulls for more. */
  let handed = 0;
  let sent = 0;
  let isWanted = false;
  let isEnded = false;
  let isPulled = true;
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  const count = (change: number) => {
    unread += change;
    backlog(change);
  };
  const finish = () => {
    if (controller === undefined) return;
    controller = undefined;
    chunks = [];
    count(-unread);
    over();
  };
  const handOver = () => {
    isWanted = chunks.length === 0 && !isEnded;
    if (controller === undefined || isWanted) return;
    if (chunks.length === 0) {
      controller.close();
      return finish();
    }
    const piece = takePiece(chunks);
    handed = piece.length;
    controller.enqueue(piece);
  };
  const start = (started: ReadableStreamDefaultController<Uint8Array>) => {
    controller = started;
    if (opening !== undefined) started.enqueue(opening);
  };
  const pull = () => {
    isPulled = true;
    count(-handed);
    sent += handed;
    handed = 0;
    handOver();
  };

  return {
    readable: new ReadableStream<Uint8Array>({ start, pull, cancel: finish }, { highWaterMark: 0 }),
    get isOpen() {
      return controller !== undefined && !isEnded;
    },
    get unread() {
      return unread;
    },
    get sent() {
      return sent;
    },
    add(more) {
      if (controller === undefined || isEnded) return;
      chunks.push(...more);
      count(lengthOf(more));
      if (isWanted) handOver();
    },
    end() {
      isEnded = true;
      if (isWanted) handOver();
    },
    cut() {
      controller?.error(new Error("The client takes nothing, or may not."));
      finish();
    },
    wasPulled() {
      const was = isPulled;
      isPulled = false;
      return was;
    },
  };
}

export function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

/** Takes the first bytes out of `chunks`: a part of a large chunk, or several small ones. */
function takePiece(chunks: Uint8Array[]): Uint8Array {
  const first = chunks[0]!;
  if (first.length > PIECE) {
    chunks[0] = first.subarray(PIECE);
    return first.subarray(0, PIECE);
  }
  let count = 0;
  let length = 0;
  while (count < chunks.length && length + chunks[count]!.length <= PIECE) length += chunks[count++]!.length;
  return count === 1 ? chunks.shift()! : Buffer.concat(chunks.splice(0, count), length);
}

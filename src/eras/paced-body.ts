// The body of a response that is handed over no faster than its client takes it, so that what is unread
// is known and stays ours to bound. Bun empties the queue of a ReadableStream at once, whatever its size
// says; only a chunk that was pulled for has a place in the connection (WHATWG Streams, "pull").

/** Is told how many bytes more clients have not taken yet; negative when they took some. */
export type Backlog = (change: number) => void;

export interface PacedBody {
  readonly readable: ReadableStream<Uint8Array>;
  /** Bytes the client has not taken. */
  readonly unread: number;
  /** Adds to what the client gets. Does nothing behind the end. */
  write(...chunks: readonly Uint8Array[]): void;
  /** Nothing follows; what is unread still goes out. */
  end(): void;
  /** Hands nothing over until it is released; what is written meanwhile is unread. */
  hold(): void;
  release(): void;
  /** Breaks off, so that the client cannot take what it has got for all there is. */
  cut(): void;
  /** To be called at equal intervals. @returns whether the client has taken nothing for a number of them */
  isStalled(): boolean;
}

/** The most bytes handed over at once. */
const PIECE = 256 * 1024;
/** Intervals without a byte taken after which a client counts as stalled. */
const PATIENCE = 4;

/**
 * @param over called once, when nothing more goes out
 * @param opening leaves with the headers, uncounted
 */
export function createPacedBody(backlog: Backlog, over: () => void, opening?: Uint8Array): PacedBody {
  let chunks: Uint8Array[] = [];
  let unread = 0;
  /** Bytes of the piece that the connection has, and has taken when it pulls for more. */
  let handed = 0;
  let isWanted = false;
  let isHeld = false;
  let isEnded = false;
  let isTaking = true;
  let waited = 0;
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
    isWanted = isHeld || (chunks.length === 0 && !isEnded);
    if (controller === undefined || isWanted) return;
    if (chunks.length === 0) {
      controller.close();
      return finish();
    }
    const piece = takePiece(chunks);
    handed = piece.length;
    controller.enqueue(piece);
  };
  const pull = () => {
    isTaking = true;
    count(-handed);
    handed = 0;
    handOver();
  };
  const readable = new ReadableStream<Uint8Array>(
    {
      start(started) {
        controller = started;
        if (opening !== undefined) started.enqueue(opening);
      },
      pull,
      cancel: finish,
    },
    { highWaterMark: 0 },
  );

  return {
    readable,
    get unread() {
      return unread;
    },
    write(...more) {
      if (controller === undefined || isEnded) return;
      chunks.push(...more);
      count(more.reduce((sum, { length }) => sum + length, 0));
      if (isWanted) handOver();
    },
    end() {
      isEnded = true;
      if (isWanted) handOver();
    },
    hold() {
      isHeld = true;
    },
    release() {
      isHeld = false;
      if (isWanted) handOver();
    },
    cut() {
      controller?.error(new Error("The client takes nothing, or may not."));
      finish();
    },
    isStalled() {
      waited = isTaking || unread === 0 ? 0 : waited + 1;
      isTaking = false;
      return waited >= PATIENCE;
    },
  };
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

// The body of a response that is handed over no faster than its client takes it, so that what is unread
// is known and stays ours to bound. Bun empties the queue of a ReadableStream at once, whatever its size
// says; only a chunk that was pulled for has a place in the connection (WHATWG Streams, "pull").

import { ownBytes } from "./retention.ts";

/** Is told how many bytes more clients have not taken yet; negative when they took some. */
export type Backlog = (change: number) => void;

export interface PacedBody {
  readonly readable: ReadableStream<Uint8Array>;
  /** Bytes the client has not taken, though it could. */
  readonly unread: number;
  /** Adds to what the client gets. Does nothing behind the end. */
  write(...chunks: readonly Uint8Array[]): void;
  /** Nothing follows; what is unread still goes out. */
  end(): void;
  /** What is written from now on waits until it is released; of too much, the oldest goes. */
  hold(): void;
  release(): void;
  /** Adds to what the client gets, past what waits. */
  pass(...chunks: readonly Uint8Array[]): void;
  /** Breaks off, so that the client cannot take what it has got for all there is. */
  cut(): void;
  /** To be called at equal intervals. @returns whether the client has taken nothing for a number of them */
  isStalled(): boolean;
}

/** The most bytes handed over at once. */
const PIECE = 256 * 1024;
/** The most bytes that wait for a release. */
const MOST_HELD = 1024 * 1024;
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
  /** What waits for a release, in the pieces in which it was written. */
  let held: { pieces: readonly Uint8Array[]; length: number }[] = [];
  let isHeld = false;
  let heldBytes = 0;
  let isEnded = false;
  let isTaking = true;
  let waited = 0;
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  const count = (change: number) => {
    unread += change;
    backlog(change);
  };
  const dropHeld = (most: number) => {
    const before = heldBytes;
    while (heldBytes > most) heldBytes -= held.shift()!.length;
    if (heldBytes < before) backlog(heldBytes - before);
  };
  const finish = () => {
    if (controller === undefined) return;
    controller = undefined;
    chunks = [];
    count(-unread);
    dropHeld(0);
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

  const add = (more: readonly Uint8Array[]) => {
    chunks.push(...more);
    count(lengthOf(more));
    if (isWanted) handOver();
  };

  return {
    readable,
    get unread() {
      return unread;
    },
    write(...more) {
      if (controller === undefined || isEnded) return;
      if (!isHeld) return add(more);
      const length = lengthOf(more);
      held.push({ pieces: more.map(ownBytes), length });
      heldBytes += length;
      backlog(length);
      dropHeld(MOST_HELD);
    },
    pass(...more) {
      if (controller !== undefined && !isEnded) add(more);
    },
    end() {
      isEnded = true;
      if (isWanted) handOver();
    },
    hold() {
      isHeld = true;
    },
    release() {
      const waiting = held;
      held = [];
      isHeld = false;
      backlog(-heldBytes);
      heldBytes = 0;
      for (const { pieces } of waiting) add(pieces);
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

function lengthOf(chunks: readonly Uint8Array[]): number {
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

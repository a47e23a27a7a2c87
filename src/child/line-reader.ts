// Cuts a stream of bytes into lines. Linear in the bytes, however they are split; a line that is too
// long costs no memory: only its beginning and end are kept.

export interface LineReader {
  /** Takes the next bytes; calls back for each line they complete. */
  push(chunk: Uint8Array): void;
  /** The stream has ended: what is left is a line without its end. */
  end(): void;
}

export interface LineReaderOptions {
  /** The longest line that is kept, in bytes. */
  limit: number;
  line(line: Uint8Array): unknown;
  oversize?(length: number, head: Uint8Array, tail: Uint8Array): void;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Bytes kept of each end of a line that is too long: enough for an id. */
const EXCERPT = 1024;

export function createLineReader({ limit, line, oversize }: LineReaderOptions): LineReader {
  let pieces: Uint8Array[] = [];
  let length = 0;
  let head: Uint8Array | undefined;

  const add = (piece: Uint8Array) => {
    pieces.push(piece);
    length += piece.length;
    if (length <= limit && head === undefined) return;
    // Too long: what is behind the beginning and before the end goes.
    head ??= copyStart(pieces);
    pieces = [copyEnd(pieces)];
  };

  const finish = () => {
    const whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    const total = length;
    const start = head;
    pieces = [];
    length = 0;
    head = undefined;
    if (start !== undefined) return oversize?.(total, start, whole);
    const kept = whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole;
    if (kept.length > 0) line(kept);
  };

  return {
    push(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
        add(chunk.subarray(from, at));
        finish();
        from = at + 1;
      }
      if (from < chunk.length) add(chunk.subarray(from));
    },
    end() {
      if (length > 0) finish();
    },
  };
}

/** The first bytes of several pieces, in memory of their own: a view would keep the whole of its piece. */
function copyStart(pieces: readonly Uint8Array[]): Uint8Array {
  let count = 0;
  for (let length = 0; count < pieces.length && length < EXCERPT; count++) length += pieces[count]!.length;
  // No more is copied than counts: a line without end would leave as much unused memory as it is long.
  const starts = pieces.slice(0, count).map((piece) => piece.subarray(0, EXCERPT));
  return Uint8Array.prototype.slice.call(Buffer.concat(starts), 0, EXCERPT);
}

function copyEnd(pieces: readonly Uint8Array[]): Uint8Array {
  let from = pieces.length;
  for (let length = 0; from > 0 && length < EXCERPT;) length += pieces[--from]!.length;
  const ends = pieces.slice(from).map((piece) => piece.subarray(-EXCERPT));
  return Uint8Array.prototype.slice.call(Buffer.concat(ends), -EXCERPT);
}

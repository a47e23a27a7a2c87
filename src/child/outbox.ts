// What is on its way to the stdin of a process, in order. What is sent in one turn of the event loop is written
// together: one system call, and one waking of the process, for many messages.
import type { Process } from "./process.ts";

export interface Outbox {
  /** Sends one message and a line end; false when too much is waiting already. */
  send(message: Uint8Array): boolean;
  /** Stdin takes bytes again. */
  drained(): void;
  /** Hands over what waits, and then the end of the stream. */
  end(): void;
}

const LINE_END = Buffer.from("\n");
/** Bytes up to which messages are copied together. */
const COPIED = 64 * 1024;

/** @param limit bytes that may wait */
export function createOutbox(stdin: Pick<Process, "write" | "endInput">, limit: number): Outbox {
  const queue: Uint8Array[] = [];
  let waiting = 0;
  let turn: NodeJS.Immediate | undefined;
  let isBlocked = false;
  let isEnding = false;

  const handOver = () => {
    turn = undefined;
    while (queue.length > 0) {
      const piece = takePiece(queue);
      const taken = stdin.write(piece);
      waiting -= taken;
      if (taken === piece.length) continue;
      queue.unshift(piece.subarray(taken));
      isBlocked = true;
      return;
    }
    if (isEnding) stdin.endInput();
  };

  return {
    send(message) {
      if (waiting > limit) return false;
      waiting += message.length + LINE_END.length;
      queue.push(message, LINE_END);
      if (!isBlocked) turn ??= setImmediate(handOver);
      return true;
    },
    drained() {
      if (!isBlocked) return;
      isBlocked = false;
      handOver();
    },
    end() {
      isEnding = true;
      clearImmediate(turn);
      if (!isBlocked) handOver();
    },
  };
}

/** Takes the first entry, or the first few small ones together. */
function takePiece(queue: Uint8Array[]): Uint8Array {
  let count = 0;
  let length = 0;
  while (count < queue.length && length + queue[count]!.length <= COPIED) length += queue[count++]!.length;
  return count > 1 ? Buffer.concat(queue.splice(0, count), length) : queue.shift()!;
}

// What is on its way to the stdin of a process, in order. Little of it at a time is handed to the stream:
// Bun copies what the pipe does not take yet into one buffer, which doubles whenever it is full.
import type { Writable } from "node:stream";

export interface Outbox {
  /** Sends one message and a line end; false when too much is waiting already. */
  send(message: Uint8Array): boolean;
  /** Hands over what waits, and then the end of the stream. */
  end(): void;
}

const LINE_END = Buffer.from("\n");
/** Below this many bytes one write with a copy costs less than two without. */
const COPIED_BELOW = 64 * 1024;
/** Bytes handed over at a time: about what the pipe takes. */
const AHEAD = 256 * 1024;

/** @param limit bytes that may wait */
export function createOutbox(stdin: Writable, limit: number): Outbox {
  const queue: Uint8Array[] = [];
  let waiting = 0;
  let ahead = 0;

  const handOver = (bytes: Uint8Array) => {
    ahead += bytes.length;
    stdin.write(bytes, () => {
      ahead -= bytes.length;
      waiting -= bytes.length;
      handOverSome();
    });
  };
  const takeNext = () => (ahead < AHEAD ? queue.shift() : undefined);
  const handOverSome = () => {
    for (let next = takeNext(); next !== undefined; next = takeNext()) handOver(next);
  };

  return {
    send(message) {
      if (waiting > limit) return false;
      waiting += message.length + LINE_END.length;
      if (message.length < COPIED_BELOW) queue.push(Buffer.concat([message, LINE_END]));
      else queue.push(message, LINE_END);
      handOverSome();
      return true;
    },
    end() {
      for (const bytes of queue.splice(0)) handOver(bytes);
      stdin.end();
    },
  };
}

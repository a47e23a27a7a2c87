// What waits on a stream until its credential has been renewed; when it is too much, the oldest goes.
import { lengthOf, type Backlog } from "./pulled-body.ts";
import { ownBytes } from "./retention.ts";

export interface HeldMessages {
  add(pieces: readonly Uint8Array[]): void;
  /** Empties it. @returns the messages, each in the pieces in which it was added */
  takeAll(): (readonly Uint8Array[])[];
}

/** The most bytes that wait. */
const LIMIT = 1024 * 1024;

export function createHeldMessages(backlog: Backlog): HeldMessages {
  let messages: { pieces: readonly Uint8Array[]; length: number }[] = [];
  let bytes = 0;

  return {
    add(pieces) {
      const length = lengthOf(pieces);
      const before = bytes;
      messages.push({ pieces: pieces.map(ownBytes), length });
      bytes += length;
      while (bytes > LIMIT) bytes -= messages.shift()!.length;
      backlog(bytes - before);
    },
    takeAll() {
      const taken = messages.map(({ pieces }) => pieces);
      if (bytes > 0) backlog(-bytes);
      messages = [];
      bytes = 0;
      return taken;
    },
  };
}

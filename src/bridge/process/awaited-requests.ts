// The bridge's own requests to a server process, until they are answered, and the numbers that they and the clients' calls
// go by.
import type { Message } from "../../frame/message.ts";
import type { Compose } from "./handshake-replay.ts";

export interface AwaitedRequests {
  /** A number for a request; it is never given twice. */
  nextNumber(): number;
  /**
   * Sends a request; the promise resolves with its answer, or with `undefined` when there will be none.
   *
   * @param deliver returns false when the request cannot be sent
   */
  send(compose: Compose, deliver: (bytes: Uint8Array) => boolean): Promise<Message | undefined>;
  /** Whether a message answers one of the requests, which is then settled. */
  take(message: Message): boolean;
  /** None of them will be answered. */
  drop(): void;
}

export function createAwaitedRequests(): AwaitedRequests {
  let last = 0;
  const waiting = new Map<number, (answer: Message | undefined) => void>();
  return {
    nextNumber: () => ++last,
    send(compose, deliver) {
      const { promise, resolve } = Promise.withResolvers<Message | undefined>();
      waiting.set(++last, resolve);
      if (!deliver(compose(last))) resolve(undefined);
      return promise;
    },
    take(message) {
      if (message.method !== "") return false;
      const number = Number(message.id);
      const resolve = waiting.get(number);
      if (resolve === undefined) return false;
      waiting.delete(number);
      resolve(message);
      return true;
    },
    drop() {
      for (const resolve of waiting.values()) resolve(undefined);
      waiting.clear();
    },
  };
}

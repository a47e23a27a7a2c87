// Requests of the server that no client has answered yet. Clients see ids of ours, so that a late answer never reaches
// another request of a restarted server or of another process, nor one client's answer a request to another client.
import { findMember, rawParam, type Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";
import { createRequestNumbers } from "../process/request-numbers.ts";

export interface ServerRequests<T> {
  /**
   * Takes in a request that goes to `addressee`.
   *
   * @returns the request as the client shall see it; `undefined` when too many are open
   */
  open(request: Message, addressee: T): Uint8Array | undefined;
  /** The client's answer as the server shall see it; `undefined` when the request did not go to this client. */
  answer(answer: Message, isAddressee: (addressee: T) => boolean): Uint8Array | undefined;
  /** The server's `notifications/cancelled` as the client shall see it, and the client. */
  cancel(notification: Message): { bytes: Uint8Array; addressee: T } | undefined;
  /** Forgets the requests to an addressee. */
  drop(isAddressee: (addressee: T) => boolean): OpenRequest<T>[];
}

/** A request that its client has not answered. */
export interface OpenRequest<T> {
  /** The id that the client knows it by. */
  readonly number: number;
  /** As the server wrote it. */
  readonly id: string;
  readonly method: string;
  readonly addressee: T;
}

const MAX_OPEN = 1_000;

export function createServerRequests<T>(random: (bytes: number) => Uint8Array): ServerRequests<T> {
  const open = new Map<number, OpenRequest<T>>();
  const nextNumber = createRequestNumbers(random);

  return {
    open(request, addressee) {
      if (open.size >= MAX_OPEN) return undefined;
      const { id, method } = request;
      const number = nextNumber();
      open.set(number, { number, id, method, addressee });
      return splice(request.bytes, [{ at: request.idAt!, text: String(number) }]);
    },
    answer(answer, isAddressee) {
      const request = open.get(Number(answer.id));
      if (request === undefined || answer.idAt === undefined || !isAddressee(request.addressee))
        return undefined;
      open.delete(Number(answer.id));
      return splice(answer.bytes, [{ at: answer.idAt, text: request.id }]);
    },
    cancel(notification) {
      const at = findMember(notification, notification.paramsAt, "requestId");
      const id = rawParam(notification, "requestId");
      for (const [number, request] of open) {
        if (request.id !== id || at === undefined) continue;
        open.delete(number);
        const bytes = splice(notification.bytes, [{ at, text: String(number) }]);
        return { bytes, addressee: request.addressee };
      }
      return undefined;
    },
    drop(isAddressee) {
      const dropped = [...open.values()].filter(({ addressee }) => isAddressee(addressee));
      for (const { number } of dropped) open.delete(number);
      return dropped;
    },
  };
}

// What a server has asked and nobody has answered yet. Clients see numbers of ours, so that a late
// answer never reaches another question of a restarted server, nor one client's answer another's question.
import { findMember, rawParam, type Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";

export interface QuestionTable<T> {
  /**
   * Takes in a question that goes to `addressee`.
   *
   * @returns the question as the client shall see it; `undefined` when too many are open
   */
  open(question: Message, addressee: T): Uint8Array | undefined;
  /** The client's answer as the server shall see it; `undefined` when this client was not asked. */
  answer(answer: Message, isAddressee: (addressee: T) => boolean): Uint8Array | undefined;
  /** The server's `notifications/cancelled` as the client shall see it, and whom it goes to. */
  cancel(notification: Message): { bytes: Uint8Array; addressee: T } | undefined;
  /** Forgets the questions to an addressee; their ids as the server wrote them. */
  drop(isAddressee: (addressee: T) => boolean): string[];
}

const MAX_OPEN = 1_000;

export function createQuestionTable<T>(): QuestionTable<T> {
  const open = new Map<number, { id: string; addressee: T }>();
  let last = 0;

  return {
    open(question, addressee) {
      if (open.size >= MAX_OPEN) return undefined;
      open.set(++last, { id: question.id, addressee });
      return splice(question.bytes, [{ at: question.idAt!, text: String(last) }]);
    },
    answer(answer, isAddressee) {
      const question = open.get(Number(answer.id));
      if (question === undefined || answer.idAt === undefined || !isAddressee(question.addressee))
        return undefined;
      open.delete(Number(answer.id));
      return splice(answer.bytes, [{ at: answer.idAt, text: question.id }]);
    },
    cancel(notification) {
      const at = findMember(notification, notification.paramsAt, "requestId");
      const id = rawParam(notification, "requestId");
      for (const [number, question] of open) {
        if (question.id !== id || at === undefined) continue;
        open.delete(number);
        return {
          bytes: splice(notification.bytes, [{ at, text: String(number) }]),
          addressee: question.addressee,
        };
      }
      return undefined;
    },
    drop(isAddressee) {
      const dropped = [...open].filter(([, { addressee }]) => isAddressee(addressee));
      for (const [number] of dropped) open.delete(number);
      return dropped.map(([, { id }]) => id);
    },
  };
}

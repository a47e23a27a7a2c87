// What the server has asked its client and has no answer to yet. The client sees numbers of ours, so
// that a late answer never reaches another question of a restarted server.
import { findMember, rawParam, splice, type Message } from "../frame/message.ts";
import type { Outlet } from "./bridge.ts";

export interface QuestionTable {
  /**
   * Takes in a question; `outlet` is where it goes.
   *
   * @returns the question as the client shall see it; `undefined` when too many are open
   */
  open(question: Message, outlet: Outlet | undefined): Uint8Array | undefined;
  /** The client's answer as the server shall see it; `undefined` when nobody asked. */
  answer(answer: Message): Uint8Array | undefined;
  /** The server's `notifications/cancelled` as the client shall see it, and where the question went. */
  cancel(notification: Message): { bytes: Uint8Array; outlet: Outlet | undefined } | undefined;
  clear(): void;
}

const MAX_OPEN = 1_000;

export function createQuestionTable(): QuestionTable {
  const open = new Map<number, { id: string; outlet: Outlet | undefined }>();
  let last = 0;

  return {
    open(question, outlet) {
      if (open.size >= MAX_OPEN) return undefined;
      open.set(++last, { id: question.id, outlet });
      return splice(question.bytes, [{ at: question.idAt!, text: String(last) }]);
    },
    answer(answer) {
      const question = open.get(Number(answer.id));
      if (question === undefined || answer.idAt === undefined) return undefined;
      open.delete(Number(answer.id));
      return splice(answer.bytes, [{ at: answer.idAt, text: question.id }]);
    },
    cancel(notification) {
      const at = findMember(notification, notification.paramsAt, "requestId");
      const id = rawParam(notification, "requestId");
      for (const [number, question] of open) {
        if (question.id !== id || at === undefined) continue;
        open.delete(number);
        return { bytes: splice(notification.bytes, [{ at, text: String(number) }]), outlet: question.outlet };
      }
      return undefined;
    },
    clear: () => open.clear(),
  };
}

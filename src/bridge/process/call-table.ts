// The calls that one server process has not answered yet, whichever client they come from. The server sees
// numbers of ours as ids and progress tokens, so nothing one client chooses can meet what another chose.
import { spanText, type Message } from "../../frame/message.ts";
import type { AnswerId } from "../../frame/answer.ts";
import { splice, type Edit } from "../../frame/splice.ts";

/**
 * Waits for a call. Its functions are given the waiter itself, so that all calls of a kind share them: a call costs one
 * object and no closure.
 */
export interface Waiter {
  /** The answer, under our number. */
  onResponse(answer: Message, waiter: this): void;
  /** Instead of `onResponse`, where an answer is only passed on: it is unread, and our number stands at `idAt`. */
  onRawResponse?(answer: Uint8Array, idAt: AnswerId, waiter: this): void;
  /** A progress notification, under the client's own token. */
  onProgress(notification: Uint8Array, waiter: this): void;
  /** The server process is gone; `how` says how it ended. */
  onLost(how: string, waiter: this): void;
  /** It listens for what may never come, and waits for no answer. */
  isListening?: boolean;
}

export interface PendingCall<W extends Waiter = Waiter> {
  /** The id the server sees, and its progress token if the client gave one. */
  readonly number: number;
  /** The client's progress token, as it was written; another one after a retry. */
  progressToken: string | undefined;
  readonly waiter: W;
}

export interface CallTable<W extends Waiter> {
  readonly size: number;
  /**
   * Takes in a request.
   *
   * @param edits what else is to be changed in the request; must leave id and progress token alone
   * @returns the call, and the request as the server shall see it
   */
  open(request: Message, waiter: W, edits?: readonly Edit[]): { call: PendingCall<W>; bytes: Uint8Array };
  get(number: number): PendingCall<W> | undefined;
  /** The calls in flight, oldest first. */
  all(): Iterable<PendingCall<W>>;
  close(call: PendingCall<W>): void;
  /** Closes and returns all of them. */
  drain(): PendingCall<W>[];
}

/** @param nextNumber gives a number that the server has not seen */
export function createCallTable<W extends Waiter>(nextNumber: () => number): CallTable<W> {
  // Insertion order is the order of arrival.
  const open = new Map<number, PendingCall<W>>();

  return {
    get size() {
      return open.size;
    },
    open(request, waiter, edits = []) {
      const number = nextNumber();
      const token = findToken(request);
      const call: PendingCall<W> = { number, progressToken: token?.text, waiter };
      open.set(number, call);
      const text = String(number);
      const own: Edit[] = [{ at: request.idAt!, text }];
      if (token !== undefined) own.push({ at: token.at, text });
      return { call, bytes: splice(request.bytes, edits.length > 0 ? [...own, ...edits] : own) };
    },
    get: (number) => open.get(number),
    all: () => open.values(),
    close: (call) => void open.delete(call.number),
    drain() {
      const all = [...open.values()];
      open.clear();
      return all;
    },
  };
}

/** The client's progress token and where it stands; `undefined` when it gave none. */
export function findToken(request: Message) {
  const at = request.params?.get("_meta")?.members?.get("progressToken");
  return at && { at, text: spanText(request.bytes, at)! };
}

/** The error message for a client whose server process has ended. */
export function lostReason(how: string): string {
  return `The MCP server ${how}. Try again: a server that has ended is started again.`;
}

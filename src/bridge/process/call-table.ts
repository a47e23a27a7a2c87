// The calls that one server process has not answered yet, whoever they come from. The server sees
// numbers of ours as ids and progress tokens, so nothing one client chooses can meet what another chose.
import { spanText, type Message } from "../../frame/message.ts";
import type { AnswerId } from "../../frame/answer.ts";
import { splice, type Edit } from "../../frame/splice.ts";

/** Who waits for a call. */
export interface Waiter {
  /** The answer, under our number. */
  answer(answer: Message): void;
  /** Instead of `answer`, for who only passes it on: the answer unread, and where our number stands in it. */
  pass?: ((answer: Uint8Array, idAt: AnswerId) => void) | undefined;
  /** A progress notification, under the client's own token. */
  progress(notification: Uint8Array): void;
  /** The server process is gone; `how` says how it ended. */
  lost(how: string): void;
  /** It listens for what may never come, and waits for no answer. */
  isListening?: boolean;
}

export interface Call<W extends Waiter = Waiter> {
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
  open(request: Message, waiter: W, edits?: readonly Edit[]): { call: Call<W>; bytes: Uint8Array };
  get(number: number): Call<W> | undefined;
  /** The calls in flight, oldest first. */
  all(): Iterable<Call<W>>;
  /** The call that came last and is still open: where a message goes that names no call. */
  newest(): Call<W> | undefined;
  close(call: Call<W>): void;
  /** Closes and returns all of them. */
  drain(): Call<W>[];
}

/** @param nextNumber gives a number that the server has not seen */
export function createCallTable<W extends Waiter>(nextNumber: () => number): CallTable<W> {
  // Insertion order is the order of arrival.
  const open = new Map<number, Call<W>>();

  return {
    get size() {
      return open.size;
    },
    open(request, waiter, edits = []) {
      const number = nextNumber();
      const token = findToken(request);
      const call: Call<W> = { number, progressToken: token?.text, waiter };
      open.set(number, call);
      const text = String(number);
      const own: Edit[] = [{ at: request.idAt!, text }];
      if (token !== undefined) own.push({ at: token.at, text });
      return { call, bytes: splice(request.bytes, edits.length > 0 ? [...own, ...edits] : own) };
    },
    get: (number) => open.get(number),
    all: () => open.values(),
    newest() {
      let newest: Call<W> | undefined;
      for (const call of open.values()) newest = call;
      return newest;
    },
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

/** What a client is told whose server process went away. */
export function lostReason(how: string): string {
  return `The MCP server ${how}. If it ended, it restarts on its own; try again.`;
}

// The calls of one client that its server has not answered yet. The server sees numbers of ours as
// ids and progress tokens, so nothing a client chooses can meet what another chose.
import { splice, rawParam, findMember, type Edit, type Message } from "../frame/message.ts";
import type { Outlet } from "./bridge.ts";

export interface Call {
  /** The id the server sees, and its progress token if the client gave one. */
  readonly number: number;
  /** The client's id and progress token, as they were written. */
  readonly id: string;
  readonly progressToken: string | undefined;
  readonly outlet: Outlet;
}

export interface CallTable {
  readonly size: number;
  /**
   * Takes in a request.
   *
   * @returns the call and the request as the server shall see it; `undefined` when the id is in use
   */
  open(request: Message, outlet: Outlet): { call: Call; bytes: Uint8Array } | undefined;
  get(number: number): Call | undefined;
  /** The call with this id of the client's. */
  find(id: string): Call | undefined;
  /** The call that came last and is still open: where a message goes that names no call. */
  newest(): Call | undefined;
  close(call: Call): void;
  /** Closes and returns all of them. */
  drain(): Call[];
}

/** @param nextNumber gives a number that the server has not seen */
export function createCallTable(nextNumber: () => number): CallTable {
  // Insertion order is the order of arrival.
  const byNumber = new Map<number, Call>();
  const byId = new Map<string, Call>();

  return {
    get size() {
      return byNumber.size;
    },
    open(request, outlet) {
      if (byId.has(request.id)) return undefined;
      const number = nextNumber();
      const edits: Edit[] = [{ at: request.idAt!, text: String(number) }];
      const token = mentionsToken(request)
        ? findMember(request, request.paramsAt, "_meta", "progressToken")
        : undefined;
      if (token !== undefined) edits.push({ at: token, text: String(number) });
      edits.sort((a, b) => a.at.start - b.at.start);
      const progressToken = token && rawParam(request, "_meta", "progressToken");
      const call: Call = { number, id: request.id, progressToken, outlet };
      byNumber.set(number, call);
      byId.set(call.id, call);
      return { call, bytes: splice(request.bytes, edits) };
    },
    get: (number) => byNumber.get(number),
    find: (id) => byId.get(id),
    newest() {
      let newest: Call | undefined;
      for (const call of byNumber.values()) newest = call;
      return newest;
    },
    close(call) {
      byNumber.delete(call.number);
      byId.delete(call.id);
    },
    drain() {
      const all = [...byNumber.values()];
      byNumber.clear();
      byId.clear();
      return all;
    },
  };
}

/** Looking for the bytes is far cheaper than walking through large arguments. */
function mentionsToken({ bytes, paramsAt }: Message): boolean {
  if (paramsAt === undefined) return false;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes("progressToken");
}

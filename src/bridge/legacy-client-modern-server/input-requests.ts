// Asks a client with sessions what its server, which has none, wants to know: each entry of
// `inputRequests` becomes a request to the client, and their answers the `inputResponses` of the retry.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
import { findMember, spanText, type Message } from "../../frame/message.ts";
import { insertMembers, splice } from "../../frame/splice.ts";
import { readMembers } from "../../frame/scan.ts";
import type { Responder } from "../bridge.ts";

/** What a round of questions came to. */
export type Interview =
  /** JSON text of `inputResponses` and, if the server gave one, of `requestState`. */
  | { responses: string; state: string | undefined }
  /** The client answered with an error where nothing else can stand in for the answer; JSON text of the error. */
  | { error: string };

export interface Interviewer {
  /** Asks what an `input_required` answer asks; the questions go to `responder`. */
  ask(answer: Message, responder: Responder): Promise<Interview>;
  /** An answer of the client's; false when it was not asked. */
  take(answer: Message): boolean;
  /** The client has gone: nobody answers any more. */
  close(): void;
}

/** @param random makes ids of elicitations, which only the older revisions have */
export function createInterviewer(random: (bytes: number) => Uint8Array): Interviewer {
  const open = new Map<number, (answer: Message | undefined) => void>();
  let last = 0;

  function put(request: string, responder: Responder): Promise<Message | undefined> {
    const number = ++last;
    const { promise, resolve } = Promise.withResolvers<Message | undefined>();
    open.set(number, resolve);
    responder.notify(composeQuestion(number, request, random));
    return promise;
  }

  return {
    async ask(answer, responder) {
      const at = findMember(answer, answer.resultAt, "inputRequests");
      const requests = (at && readMembers(answer.bytes, at.start, at.end)) ?? new Map<string, never>();
      const asked = [...requests].map(async ([key, member]) => {
        const request = spanText(answer.bytes, member)!;
        return [key, request, await put(request, responder)] as const;
      });
      const responses: string[] = [];
      for (const [key, request, response] of await Promise.all(asked)) {
        const result = response && spanText(response.bytes, response.resultAt);
        const text = result ?? standIn(request);
        if (text === undefined)
          return { error: (response && spanText(response.bytes, response.errorAt)) ?? NO_ANSWER };
        responses.push(`${JSON.stringify(key)}:${text}`);
      }
      const state = spanText(answer.bytes, findMember(answer, answer.resultAt, "requestState"));
      return { responses: `{${responses.join(",")}}`, state };
    },
    take(answer) {
      const resolve = open.get(Number(answer.id));
      open.delete(Number(answer.id));
      resolve?.(answer);
      return resolve !== undefined;
    },
    close() {
      for (const resolve of open.values()) resolve(undefined);
      open.clear();
    },
  };
}

const NO_ANSWER = '{"code":-32603,"message":"The client did not answer."}';

/** A person who cannot be asked has cancelled; for anything else there is no such way to say no. */
function standIn(request: string): string | undefined {
  const { method } = (JSON.parse(request) ?? {}) as { method?: string };
  return method === "elicitation/create" ? '{"action":"cancel"}' : undefined;
}

function composeQuestion(number: number, request: string, random: (bytes: number) => Uint8Array): Uint8Array {
  const bytes = Buffer.from(request);
  const own = `"jsonrpc":"2.0","id":${number}`;
  const edits = [insertMembers(bytes, { start: 0, end: bytes.length }, own)];
  const params = readMembers(bytes)?.get("params");
  const mode = params && readMembers(bytes, params.start, params.end)?.get("mode");
  if (params !== undefined && spanText(bytes, mode) === '"url"') {
    const id = Buffer.from(random(16)).toString("hex");
    edits.push(insertMembers(bytes, params, `"elicitationId":"${id}"`));
  }
  return splice(bytes, edits);
}

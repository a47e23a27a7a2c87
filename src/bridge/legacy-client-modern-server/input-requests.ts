// Asks a client with sessions for the input that its server, which has none, requires: each entry of `inputRequests`
// becomes a request to the client, and the answers the `inputResponses` of the retry.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
import { composeNotification } from "../../frame/compose.ts";
import { findMember, spanText, type Message } from "../../frame/message.ts";
import { readMembers } from "../../frame/scan.ts";
import { insertMembers, splice } from "../../frame/splice.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { Responder } from "../bridge.ts";
import { createRequestNumbers } from "../process/request-numbers.ts";

/** The client's answers. */
export type Input =
  /** JSON text of `inputResponses` and, if the server gave one, of `requestState`. */
  | { responses: string; state: string | undefined }
  /** The client answered with an error to a request that cannot be declined; JSON text of the error. */
  | { error: string };

export interface InputRequests {
  /** Requests what an `input_required` answer wants; the requests go to `responder`. */
  request(answer: Message, responder: Responder): Promise<Input>;
  /** An answer of the client's; false when it was not asked. */
  receive(answer: Message): boolean;
  /** The client is told that its answers are not wanted any more, and is asked nothing more. @param reason a sentence */
  withdraw(reason: string): void;
  /** The client has gone and answers no more. */
  close(): void;
}

/** @param random makes ids of requests and of elicitations, which only the older revisions have */
export function createInputRequests(random: (bytes: number) => Uint8Array): InputRequests {
  const open = new Map<number, OpenInput>();
  let withdrawn: string | undefined;
  const nextNumber = createRequestNumbers(random);

  function send(request: string, responder: Responder): Promise<Message | undefined> {
    if (withdrawn !== undefined) return Promise.resolve(undefined);
    const number = nextNumber();
    const { promise, resolve } = Promise.withResolvers<Message | undefined>();
    open.set(number, { resolve, responder });
    responder.notify(composeInputRequest(number, request, random));
    return promise;
  }

  return {
    async request(answer, responder) {
      const at = findMember(answer, answer.resultAt, "inputRequests");
      const requests = (at && readMembers(answer.bytes, at.start, at.end)) ?? new Map<string, never>();
      const sent = [...requests].map(async ([key, member]) => {
        const request = spanText(answer.bytes, member)!;
        return { key, request, answer: await send(request, responder) };
      });
      const responses: string[] = [];
      for (const { key, request, answer } of await Promise.all(sent)) {
        const result = (answer && spanText(answer.bytes, answer.resultAt)) ?? declinedResult(request);
        if (result === undefined)
          return { error: (answer && spanText(answer.bytes, answer.errorAt)) ?? composeNoAnswer(withdrawn) };
        responses.push(`${JSON.stringify(key)}:${result}`);
      }
      const state = spanText(answer.bytes, findMember(answer, answer.resultAt, "requestState"));
      return { responses: `{${responses.join(",")}}`, state };
    },
    receive(answer) {
      const asked = open.get(Number(answer.id));
      open.delete(Number(answer.id));
      asked?.resolve(answer);
      return asked !== undefined;
    },
    withdraw(reason) {
      withdrawn = reason;
      for (const [requestId, { responder, resolve }] of open) {
        responder.notify(composeNotification("notifications/cancelled", { requestId, reason }));
        resolve(undefined);
      }
      open.clear();
    },
    close() {
      for (const { resolve } of open.values()) resolve(undefined);
      open.clear();
    },
  };
}

/** A request that the client has not answered. */
interface OpenInput {
  readonly responder: Responder;
  resolve(answer: Message | undefined): void;
}

/** JSON text of the error. */
function composeNoAnswer(message = "The client did not answer."): string {
  return JSON.stringify({ code: ErrorCode.internal, message });
}

/** An elicitation without an answer counts as cancelled; other requests have no result that declines them. */
function declinedResult(request: string): string | undefined {
  const { method } = (JSON.parse(request) ?? {}) as { method?: string };
  return method === "elicitation/create" ? '{"action":"cancel"}' : undefined;
}

function composeInputRequest(
  number: number,
  request: string,
  random: (bytes: number) => Uint8Array,
): Uint8Array {
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

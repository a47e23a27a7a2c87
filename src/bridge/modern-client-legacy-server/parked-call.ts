// One request of a client without sessions, over all its rounds. A server with sessions asks its
// questions while it works; the client can only be asked by ending its request with them and
// waiting for it to come again. In between the server's call is parked.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
import { createHash } from "node:crypto";
import { composeError } from "../../frame/compose.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { findMember, rawParam, spanText, stringParam, type Message } from "../../frame/message.ts";
import type { Responder } from "../bridge.ts";
import type { PendingCall, Waiter } from "../process/call-table.ts";
import { readMembers } from "../../frame/scan.ts";
import { removeMembers, splice } from "../../frame/splice.ts";
import type { ClientCapabilities, Envelope } from "../envelope.ts";

/** A call that knows the trip it belongs to. */
export interface TripWaiter extends Waiter {
  readonly trip: Trip;
}

/** How the server's call ended: with an answer, or with the process. */
export type Outcome = { answer: Message } | { how: string };

/** A request as one round sent it. */
export interface Round {
  request: Message;
  envelope: Envelope;
  responder: Responder;
}

export interface Trip {
  readonly id: string;
  readonly callerKey: string;
  /** The client's request that is to be answered; absent while the client is asked. */
  current: Round | undefined;
  /** The call at the server; absent before it is made. */
  call: PendingCall<TripWaiter> | undefined;
  /** The server's open questions, by the key the client answers them under. */
  readonly asks: Map<string, Message>;
  /** How often the client has been asked. */
  round: number;
  /** How the call ended, when that was while the client was being asked. */
  outcome: Outcome | undefined;
  /** A question the client could not be asked: it has not declared that it can answer. */
  refused: Record<string, unknown> | undefined;
  /** Runs while questions are collected, then while the client is waited for. */
  timer: Timer | undefined;
}

export function createTrip(id: string, callerKey: string, round: Round): Trip {
  return {
    id,
    callerKey,
    current: round,
    call: undefined,
    asks: new Map(),
    round: 0,
    outcome: undefined,
    refused: undefined,
    timer: undefined,
  };
}

/** Gives a question a name that the client answers it under. */
export function addQuestion({ asks }: Trip, question: Message): void {
  const kind = question.method.split("/")[0]!;
  let number = 1;
  while (asks.has(`${kind}-${number}`)) number++;
  asks.set(`${kind}-${number}`, question);
}

/** The answer that asks the client. @param id the client's id of its request, as JSON text */
export function composeRound({ asks }: Trip, id: string, requestState: string): Uint8Array {
  const requests = [...asks].map(([key, question]) => `${JSON.stringify(key)}:${toInputRequest(question)}`);
  const members = [
    `"resultType":"input_required"`,
    `"inputRequests":{${requests.join(",")}}`,
    `"requestState":${JSON.stringify(requestState)}`,
  ];
  return Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{${members.join(",")}}}`);
}

/** The requests in whose course a client may be asked. */
export function canBeAsked({ method }: Message): boolean {
  return method === "tools/call" || method === "prompts/get" || method === "resources/read";
}

/** Equal for a request and its retry, different for any other tool, resource, arguments or capabilities. */
export function digestOf({ request, envelope }: Omit<Round, "outlet">): string {
  const what = [
    request.method,
    stringParam(request, "name"),
    stringParam(request, "uri"),
    rawParam(request, "arguments"),
    envelope.capabilitiesKey,
  ];
  return createHash("sha256").update(JSON.stringify(what)).digest("base64url");
}

/** JSON text of a question of the server's as it stands in `inputRequests`. */
function toInputRequest({ method, bytes, paramsAt }: Message): string {
  const name = JSON.stringify(method);
  if (paramsAt === undefined) return `{"method":${name}}`;
  const params = bytes.subarray(paramsAt.start, paramsAt.end);
  return `{"method":${name},"params":${Buffer.from(withoutHandles(params)).toString()}}`;
}

/** Both of these name something that a client without sessions has no way to come back to. */
function withoutHandles(params: Uint8Array): Uint8Array {
  const members = readMembers(params);
  if (members === undefined) return params;
  const edits = removeMembers(members, (key) => key === "elicitationId");
  const meta = members.get("_meta");
  const own = meta && readMembers(params, meta.start, meta.end);
  return splice(params, own ? [...edits, ...removeMembers(own, (key) => key === "progressToken")] : edits);
}

/** The client's answer to a question, as JSON text; `undefined` when the retry brings none. */
export function responseTo(retry: Message, key: string): string | undefined {
  const at = findMember(retry, retry.paramsAt, "inputResponses", key);
  return spanText(retry.bytes, at);
}

/** What a server is told that asks what its client cannot answer. @param id the question's, as JSON text */
export function composeUnable(id: string): Uint8Array {
  return composeError(id, ErrorCode.methodNotFound, "The client has not declared that it can answer this.");
}

/**
 * What a client lacks to be asked a question, in the form of `requiredCapabilities`.
 *
 * @returns `undefined` when it can be asked
 */
export function lackingFor(
  question: Message,
  capabilities: ClientCapabilities,
): Record<string, unknown> | undefined {
  const has = (...path: string[]) => {
    let value: unknown = capabilities;
    for (const key of path) value = (value as Record<string, unknown> | undefined | null)?.[key];
    return value !== undefined && value !== null;
  };
  switch (question.method) {
    case "elicitation/create": {
      const mode = stringParam(question, "mode") === "url" ? "url" : "form";
      // A client that says nothing of modes knows forms.
      const knows =
        mode === "url"
          ? has("elicitation", "url")
          : has("elicitation", "form") || (has("elicitation") && !has("elicitation", "url"));
      return knows ? undefined : { elicitation: { [mode]: {} } };
    }
    case "sampling/createMessage": {
      const usesTools = rawParam(question, "tools") !== undefined;
      if (!has("sampling")) return { sampling: usesTools ? { tools: {} } : {} };
      return usesTools && !has("sampling", "tools") ? { sampling: { tools: {} } } : undefined;
    }
    case "roots/list":
      return has("roots") ? undefined : { roots: {} };
    default:
      return undefined;
  }
}

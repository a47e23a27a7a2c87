// A session's call at a server without sessions. The server may require input before it answers: then the client is asked
// for it, and the call is made once more with the client's answers.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
import { errorCode, type Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { addMeta, writeEnvelope } from "../envelope.ts";
import {
  notifyProgress,
  respondLost,
  respondTo,
  sendCall,
  type SessionCall,
  type SessionWaiter,
} from "../client-session.ts";
import type { EnvelopedMultiplexer, EnvelopedSession } from "./enveloped-session.ts";
import { isInputRequired, type LegacyTools } from "./legacy-result.ts";

/** Shared by all calls on one process. */
export interface TranslatedCalls {
  readonly multiplexer: EnvelopedMultiplexer;
  readonly tools: LegacyTools;
}

/** A call as it has been made, the first time or again. */
interface TranslatedCall extends SessionWaiter<EnvelopedSession> {
  readonly calls: TranslatedCalls;
  readonly request: Message;
  /** How often the client has been asked in its course. */
  readonly round: number;
}

/** How often a server may require input in the course of one call. */
const MAX_ROUNDS = 10;
/** Between rounds in which the client was not asked, in milliseconds. */
const PACE = 250;

export function translateCall(
  calls: TranslatedCalls,
  request: Message,
  call: SessionCall<EnvelopedSession>,
): void {
  send({
    calls,
    request,
    call,
    round: 0,
    onResponse,
    onProgress: notifyProgress,
    onLost: respondLost,
  });
}

/** @param input JSON text of the members of `params` that bring the client's input */
function send(translated: TranslatedCall, input = ""): void {
  const { calls, request, call } = translated;
  sendCall(calls.multiplexer, request, translated, addMeta(request, writeEnvelope(call.session), input));
}

function onResponse(message: Message, translated: TranslatedCall): void {
  if (isInputRequired(message)) return void retryWithInput(message, translated);
  const { calls, call, request } = translated;
  const edits = calls.tools.edit(message, request);
  const answer = splice(message.bytes, [{ at: message.idAt!, text: call.id }, ...edits]);
  respondTo(call, answer, errorCode(message));
}

async function retryWithInput(message: Message, translated: TranslatedCall): Promise<void> {
  const { call } = translated;
  const { session } = call;
  const round = translated.round + 1;
  if (round > MAX_ROUNDS) {
    const error = `{"code":${ErrorCode.internal},"message":"The MCP server asked for input more than ${MAX_ROUNDS} times in one call."}`;
    return fail(call, error);
  }
  const input = await session.inputRequests.request(message, call.responder);
  if ("error" in input) return fail(call, input.error);
  if (input.responses === "{}") await Bun.sleep(PACE);
  // Meanwhile the client may have cancelled it.
  if (session.open.get(call.id) !== call) return;
  const state = input.state === undefined ? "" : `,"requestState":${input.state}`;
  send({ ...translated, round }, `"inputResponses":${input.responses}${state}`);
}

/** @param error JSON text */
function fail(call: SessionCall, error: string): void {
  respondTo(call, Buffer.from(`{"jsonrpc":"2.0","id":${call.id},"error":${error}}`), ErrorCode.internal);
}

// Answers a client's request with what the server has answered, in the words of revision 2026-07-28.
import { composeError } from "../../frame/compose.ts";
import type { Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { writeModernAnswer } from "./modern-result.ts";
import type { MultiRoundCall, Round } from "./multi-round-call.ts";
import { NOT_PARKED, type RoundStates } from "./round-state.ts";
import { composeUrlInputRequired, readUrls } from "./url-elicitation.ts";

export interface RoundAnswer {
  readonly call: MultiRoundCall;
  readonly round: Round;
  readonly answer: Message;
  /** JSON text of what the server calls itself. */
  readonly serverInfo: string;
  readonly states: RoundStates;
}

export function respondWithAnswer(given: RoundAnswer): void {
  const { call, round, answer, serverInfo } = given;
  const { request, responder } = round;
  const { bytes, code } = writeModernAnswer(answer, request.method, request.id, serverInfo);
  if (code === ErrorCode.urlElicitationRequired) return sendToUrls(given);
  // It failed for want of what the client cannot give.
  if (code === ErrorCode.methodNotFound && call.missing !== undefined)
    return refuseForMissing(round, "This needs a capability that the client has not declared.", call.missing);
  responder.respond(bytes, code);
}

export function failRound({ request, responder }: Round, code: number, reason: string): void {
  responder.respond(composeError(request.id, code, reason), code);
}

function refuseForMissing({ request, responder }: Round, reason: string, requiredCapabilities: object): void {
  const code = ErrorCode.missingCapability;
  responder.respond(composeError(request.id, code, reason, { requiredCapabilities }), code);
}

function sendToUrls({ call, round, answer, states }: RoundAnswer): void {
  const urls = readUrls(answer);
  if (urls === undefined) {
    const reason = "The MCP server requires a page to be opened, but does not say which.";
    return failRound(round, ErrorCode.internal, reason);
  }
  const elicitation = round.envelope.capabilities["elicitation"] as { url?: unknown } | undefined;
  if (elicitation?.url === undefined) {
    const reason = "This needs a page opened by the person at the client.";
    return refuseForMissing(round, reason, { elicitation: { url: {} } });
  }
  const state = states.sign(call, NOT_PARKED, round);
  round.responder.respond(composeUrlInputRequired(round.request.id, urls, state));
}

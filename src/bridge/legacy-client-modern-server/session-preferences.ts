// The log level and the subscriptions of a session, which the bridge keeps because the server does not: the level goes
// into every envelope, the subscriptions into the session's listen stream.
import { composeResult } from "../../frame/compose.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { isLogLevel } from "../../mcp/log-level.ts";
import { respondTo, respondWithError, type SessionCall } from "../client-session.ts";
import type { EnvelopedSession } from "./enveloped-session.ts";

/** `logging/setLevel` */
export function setLogLevel(request: Message, call: SessionCall<EnvelopedSession>): void {
  const level = stringParam(request, "level");
  if (!isLogLevel(level))
    return respondWithError(call, ErrorCode.invalidParams, "Invalid params: unknown log level.");
  call.session.logLevel = level;
  respondTo(call, composeResult(call.id, {}));
}

/** `resources/subscribe` and `resources/unsubscribe`; answered when the server has agreed. */
export async function changeSubscription(
  request: Message,
  call: SessionCall<EnvelopedSession>,
): Promise<void> {
  const { resources, listenStream } = call.session;
  const uri = stringParam(request, "uri") ?? "";
  if (request.method === "resources/subscribe") resources.add(uri);
  else resources.delete(uri);
  await listenStream.open();
  respondTo(call, composeResult(call.id, {}));
}

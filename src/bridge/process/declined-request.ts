// The answer to a request of the server's that no client answers, because the server is about to end.
import { composeError, composeResult } from "../../frame/compose.ts";
import type { Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";

/** An elicitation has a result for it, other requests have none. @param reason a sentence */
export function composeDeclined({ id, method }: Pick<Message, "id" | "method">, reason: string): Uint8Array {
  if (method === "ping") return composeResult(id, {});
  if (method === "elicitation/create") return composeResult(id, { action: "cancel" });
  return composeError(id, ErrorCode.internal, reason);
}

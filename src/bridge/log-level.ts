// Which log lines of its server a client wants.
import { stringParam, type Message } from "../frame/message.ts";
import { isAsSevere } from "../mcp/log-level.ts";

/** Whether a `notifications/message` is at least as severe as `wanted`; `undefined` wants all. */
export function isLogged(message: Message, wanted: string | undefined): boolean {
  return wanted === undefined || isAsSevere(stringParam(message, "level") ?? "", wanted);
}

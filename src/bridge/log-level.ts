// Which log messages a client wants.
import { stringParam, type Message } from "../frame/message.ts";
import { isAsSevere } from "../mcp/log-level.ts";

/** Whether a `notifications/message` is as severe as `wanted`; everything is when nothing was said. */
export function isLogged(message: Message, wanted: string | undefined): boolean {
  return wanted === undefined || isAsSevere(stringParam(message, "level") ?? "", wanted);
}

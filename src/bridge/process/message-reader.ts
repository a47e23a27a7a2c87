// What a server process writes, line by line, as messages.
import type { ChildEvents } from "../../child/child.ts";
import { idInExcerpts } from "../../frame/answer.ts";
import { composeError } from "../../frame/compose.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { readMessages, type Ambiguity, type Message } from "../../frame/message.ts";
import { SERVER_MESSAGE } from "../../frame/names.ts";
import type { Log } from "../../log.ts";

export interface MessageReaderOptions {
  log: Log;
  /** A line that is not a message, or one that can be read in several ways, as `doubt` says. */
  onInvalidOutput(line: Uint8Array, doubt?: string): void;
  /** Gets every line before it is read; returns whether it has dealt with it. */
  takeRaw(line: Uint8Array): boolean;
}

/**
 * Makes messages of lines; a line that is not a message is dropped, the first time with a warning. An answer that cannot be
 * passed on is replaced by an error, because a client waits for it; a request of the server's is answered with one.
 *
 * @param reply sends to the server
 */
export function createMessageReader(
  { log, onInvalidOutput, takeRaw }: MessageReaderOptions,
  receive: (message: Message) => void,
  reply: (bytes: Uint8Array) => void,
): Pick<ChildEvents, "line" | "oversize"> {
  return {
    line(line) {
      if (takeRaw(line)) return;
      const reading = readMessages(line, SERVER_MESSAGE);
      if ("messages" in reading) return reading.messages.forEach(receive);
      if (reading.fault !== "ambiguous") return onInvalidOutput(line);
      onInvalidOutput(line, reading.doubt);
      settle(reading, receive, reply);
    },
    oversize(length, head, tail) {
      log.warn(`The server sent a message of ${length} bytes, which is over the limit; it is lost.`);
      const id = idInExcerpts(head, tail);
      if (id !== undefined) fail(id, `that is too large (${length} bytes)`, receive);
    },
  };
}

/** Answers what would be waited for in vain because an ambiguous line is dropped. */
export function settle(
  { doubt, answered, asked }: Ambiguity,
  receive: (message: Message) => void,
  reply: (bytes: Uint8Array) => void,
): void {
  for (const id of answered) fail(id, `that can be read in two ways: ${doubt}`, receive);
  for (const id of asked) reply(composeError(id, ErrorCode.invalidRequest, `Invalid request: ${doubt}.`));
}

function fail(id: string, reason: string, receive: (message: Message) => void): void {
  const bytes = composeError(id, ErrorCode.internal, `The MCP server sent an answer ${reason}.`);
  const reading = readMessages(bytes);
  if ("messages" in reading) reading.messages.forEach(receive);
}

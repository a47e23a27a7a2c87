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
  /** A line that is no message, or one that can be read in several ways: then `doubt` says so. */
  onInvalidOutput(line: Uint8Array, doubt?: string): void;
  /** Offered every line before it is read; whether it was taken. */
  takeRaw(line: Uint8Array): boolean;
}

/**
 * Makes messages of lines; what is no message is dropped, the first time with a warning. An answer that cannot be passed
 * on becomes an error in its place, for somebody waits for it; so does the server for what it has asked.
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

/** Sees to it that nobody waits for what is lost with a doubtful line. */
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

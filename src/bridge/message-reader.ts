// What a server process writes, line by line, as messages.
import type { ChildEvents } from "../child/child.ts";
import { idInExcerpts } from "../frame/answer.ts";
import { composeError, ErrorCode } from "../frame/compose.ts";
import { readMessages, type Message } from "../frame/message.ts";
import { SERVER_MESSAGE } from "../frame/names.ts";
import type { Log } from "../log.ts";

export interface MessageReaderOptions {
  log: Log;
  /** A line that is no message, or one that can be read in several ways: then `why` says so. */
  onNoise(line: Uint8Array, why?: string): void;
  /** Offered every line before it is read; whether it was taken. */
  pass(line: Uint8Array): boolean;
}

/**
 * Makes messages of lines; what is no message is dropped, the first time with a warning. An answer that cannot be passed
 * on becomes an error in its place, for somebody waits for it.
 */
export function createMessageReader(
  { log, onNoise, pass }: MessageReaderOptions,
  receive: (message: Message) => void,
): Pick<ChildEvents, "line" | "oversize"> {
  const fail = (id: string, reason: string) => {
    const reading = readMessages(
      composeError(id, ErrorCode.internal, `The MCP server sent an answer ${reason}.`),
    );
    if ("messages" in reading) reading.messages.forEach(receive);
  };
  return {
    line(line) {
      if (pass(line)) return;
      const reading = readMessages(line, SERVER_MESSAGE);
      if ("messages" in reading) return reading.messages.forEach(receive);
      if (reading.fault !== "ambiguous") return onNoise(line);
      onNoise(line, reading.doubt);
      for (const id of reading.answered) fail(id, `that can be read in two ways: ${reading.doubt}`);
    },
    oversize(length, head, tail) {
      log.warn(`The server sent a message of ${length} bytes, which is over the limit; it is lost.`);
      const id = idInExcerpts(head, tail);
      if (id !== undefined) fail(id, `that is too large (${length} bytes)`);
    },
  };
}

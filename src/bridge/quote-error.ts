// The error of a server that refuses to begin, as clients and the terminal quote it.
import { findMember, spanText, type Message } from "../frame/message.ts";
import { printable } from "../printable.ts";
import { parseSpan } from "./envelope.ts";

/** The most characters of its text that a sentence of ours quotes. */
const MAX_QUOTED = 1_000;

/** The message of an error in quotes, on one line; its code where it has no message. */
export function quoteError(answer: Message): string {
  const message = parseSpan(answer, findMember(answer, answer.errorAt, "message"));
  if (typeof message === "string" && message !== "") return `"${printable(message, MAX_QUOTED)}"`;
  return `error ${spanText(answer.bytes, findMember(answer, answer.errorAt, "code")) ?? "without a code"}`;
}

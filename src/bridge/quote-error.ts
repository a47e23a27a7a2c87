// A server that refuses to begin: its own words, for the client and for the terminal.
import { findMember, spanText, type Message } from "../frame/message.ts";
import { printable } from "../printable.ts";
import { parseSpan } from "./envelope.ts";

/** The most characters of somebody else's text that a sentence of ours quotes. */
const LONGEST = 1_000;

/** What an error says: its message in quotes, on one line, or its code where it has none. */
export function quoteError(answer: Message): string {
  const message = parseSpan(answer, findMember(answer, answer.errorAt, "message"));
  if (typeof message === "string" && message !== "") return `"${printable(message, LONGEST)}"`;
  return `error ${spanText(answer.bytes, findMember(answer, answer.errorAt, "code")) ?? "without a code"}`;
}

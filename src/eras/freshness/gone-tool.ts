// Says in the error of a call to a tool that is gone why it fails: to the model that made the call, and to the person.
import { findMember, readMessages } from "../../frame/message.ts";
import { SERVER_MESSAGE } from "../../frame/names.ts";
import { readElements } from "../../frame/scan.ts";
import { splice } from "../../frame/splice.ts";
import { printable } from "../../printable.ts";

const QUOTE = 0x22;
const OPEN_ARRAY = 0x5b;

/** @param since when it was found to be gone */
export function explainGone(answer: Uint8Array, tool: string, since: number): Uint8Array {
  const reading = readMessages(answer, SERVER_MESSAGE);
  if ("fault" in reading || reading.batch) return answer;
  const [message] = reading.messages;
  const { bytes } = message;
  const text =
    `The tool "${printable(tool)}" no longer exists since ${clockTime(since)} (the server has changed). ` +
    "The client still shows an old list of tools: refresh it.";
  const reason = findMember(message, message.errorAt, "message");
  if (reason !== undefined && bytes[reason.start] === QUOTE) {
    const isEmpty = reason.end - reason.start === 2;
    const end = reason.end - 1;
    const addition = JSON.stringify(isEmpty ? text : ` ${text}`).slice(1, -1);
    return splice(bytes, [{ at: { start: end, end }, text: addition }]);
  }
  const content = findMember(message, message.resultAt, "content");
  if (content === undefined || bytes[content.start] !== OPEN_ARRAY) return answer;
  const elements = readElements(bytes, content.start, content.end);
  if (elements === undefined) return answer;
  const last = elements.at(-1);
  const block = JSON.stringify({ type: "text", text });
  return last === undefined
    ? splice(bytes, [{ at: content, text: `[${block}]` }])
    : splice(bytes, [{ at: { start: last.end, end: last.end }, text: `,${block}` }]);
}

/** As people read it: `12:03`. */
export function clockTime(ms: number): string {
  const time = new Date(ms);
  return [time.getHours(), time.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
}

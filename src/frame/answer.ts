// Answers that go on as they are need no reading: what must be known of them stands at their ends, where every SDK
// writes it. Of a megabyte that is two hundred bytes. Another id in between is not looked for: nothing is decided from
// it, and the answer goes to the client whose call the one at the end names, to whom the server may say what it likes.
import { isUtf8 } from "node:buffer";
import { unwrapLines } from "./message.ts";
import type { Span } from "./scan.ts";
import { decode } from "./token.ts";

/** Where the id of an answer stands, and whether the answer is an error. */
export interface AnswerId extends Span {
  readonly isError: boolean;
}

/** Bytes of each end that are looked at. */
const EXCERPT = 96;

// Spaces as JSON knows them: what else JavaScript's \s takes for one is several bytes long.
const FRONT = readPattern(`^ \\{(?: "jsonrpc" : "2\\.0" ,)? "id" : (\\d+) ,`);
const BACK = readPattern(`[,{] "id" : (\\d+) (?:, "jsonrpc" : "2\\.0" )?\\} $`);
const END = readPattern(`\\} $`);
const OUTCOME = readPattern(
  `^ \\{(?: "jsonrpc" : "2\\.0" ,)?(?: "id" : \\d+ ,)?(?: "jsonrpc" : "2\\.0" ,)? "(result|error)" :`,
);

function readPattern(pattern: string): RegExp {
  return new RegExp(pattern.replaceAll(" ", "[ \\t\\r\\n]*"));
}

const VERSION = Buffer.from('"jsonrpc"');

/** The id of an answer, a number of ours, of which only both ends are known. */
export function idInExcerpts(head: Uint8Array, tail: Uint8Array): string | undefined {
  return (FRONT.exec(textOf(head)) ?? BACK.exec(textOf(tail)))?.[1];
}

/**
 * Where the id of an answer stands, if it begins and ends as answers do. What lies between is neither checked nor
 * changed. Takes ownership of `line` as `readMessages` does.
 *
 * @returns undefined for everything else, which has to be read
 */
export function findAnswerId(line: Uint8Array): AnswerId | undefined {
  const front = decode(line, 0, Math.min(EXCERPT, line.length));
  const outcome = OUTCOME.exec(front);
  if (outcome === null) return undefined;
  const back = decode(line, Math.max(0, line.length - EXCERPT), line.length);
  const at = idAtFront(front, back) ?? idAtBack(back, line.length);
  if (at === undefined || !isUtf8(line) || isTorn(line)) return undefined;
  unwrapLines(line);
  return { start: at.start, end: at.end, isError: outcome[1] === "error" };
}

function idAtFront(front: string, back: string): Span | undefined {
  const found = END.test(back) ? FRONT.exec(front) : null;
  if (found === null) return undefined;
  const start = found[0].lastIndexOf(found[1]!);
  return { start, end: start + found[1]!.length };
}

/** Everything from the match to the end is ASCII, so that characters are bytes. */
function idAtBack(back: string, length: number): Span | undefined {
  const found = BACK.exec(back);
  if (found === null) return undefined;
  const start = length - found[0].length + found[0].indexOf(found[1]!);
  return { start, end: start + found[1]!.length };
}

/**
 * Threads of a server that write without a lock put two answers on one line, and the other one may be somebody else's.
 * Within a string the quotes would have backslashes.
 */
function isTorn({ buffer, byteOffset, byteLength }: Uint8Array): boolean {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const first = bytes.indexOf(VERSION);
  return first < 0 || bytes.includes(VERSION, first + 1);
}

// `isError` is the first or the last member of a tool's result in what every SDK writes.
const TOOL_ERROR_FIRST = readPattern(
  `^ \\{(?: "jsonrpc" : "2\\.0" ,)?(?: "id" : [^,{}]+ ,)?(?: "jsonrpc" : "2\\.0" ,)? "result" : \\{ "isError" : true [,}]`,
);
const TOOL_ERROR_LAST = readPattern(`, "isError" : true \\}(?: , "(?:jsonrpc|id)" : [^,{}]+)* \\} $`);

/** Whether a tool says in its answer that it has failed, as far as both ends of the answer show. */
export function isToolError(answer: Uint8Array): boolean {
  if (endsInTrue(answer)) {
    const back = decode(answer, Math.max(0, answer.length - EXCERPT), answer.length);
    if (TOOL_ERROR_LAST.test(back)) return true;
  }
  return beginsWithI(answer) && TOOL_ERROR_FIRST.test(decode(answer, 0, Math.min(EXCERPT, answer.length)));
}

/** Whether the last object within the answer, its result in what every SDK writes, ends in `true`. */
function endsInTrue(answer: Uint8Array): boolean {
  let at = answer.lastIndexOf(CLOSE_OBJECT, answer.length - 2) - 1;
  if (at < answer.length - EXCERPT) return false;
  while (at > 0 && answer[at]! <= SPACE) at--;
  return answer[at] === LETTER_E;
}

/** Whether the name of the first member of the first object within the answer does. */
function beginsWithI(answer: Uint8Array): boolean {
  let at = answer.indexOf(OPEN_OBJECT, 1) + 1;
  while (answer[at]! <= SPACE) at++;
  return answer[at] === QUOTE && answer[at + 1] === LETTER_I;
}

const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const QUOTE = 0x22;
const SPACE = 0x20;
const LETTER_E = 0x65;
const LETTER_I = 0x69;

function textOf(bytes: Uint8Array): string {
  return decode(bytes, 0, bytes.length);
}

// Answers that go on as they are need no reading: what a bridge must know of them stands at their ends, where every
// SDK writes it. Of a megabyte that is two hundred bytes.
import { isUtf8 } from "node:buffer";
import { unwrapLines } from "./message.ts";
import type { Span } from "./scan.ts";
import { decode } from "./token.ts";

/** Bytes of each end that are looked at. */
const EXCERPT = 96;

const FRONT = /^\s*\{(?:\s*"jsonrpc"\s*:\s*"2\.0"\s*,)?\s*"id"\s*:\s*(\d+)\s*,/;
const BACK = /[,{]\s*"id"\s*:\s*(\d+)\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/;
const OUTCOME =
  /^\s*\{(?:\s*"jsonrpc"\s*:\s*"2\.0"\s*,)?(?:\s*"id"\s*:\s*\d+\s*,)?(?:\s*"jsonrpc"\s*:\s*"2\.0"\s*,)?\s*"(?:result|error)"\s*:/;

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
export function findAnswerId(line: Uint8Array): Span | undefined {
  const front = decode(line, 0, Math.min(EXCERPT, line.length));
  if (!OUTCOME.test(front)) return undefined;
  const back = decode(line, Math.max(0, line.length - EXCERPT), line.length);
  const at = idAtFront(front, back) ?? idAtBack(back, line.length);
  if (at === undefined || !isUtf8(line)) return undefined;
  unwrapLines(line);
  return at;
}

function idAtFront(front: string, back: string): Span | undefined {
  const found = /\}\s*$/.test(back) ? FRONT.exec(front) : null;
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

function textOf(bytes: Uint8Array): string {
  return decode(bytes, 0, bytes.length);
}

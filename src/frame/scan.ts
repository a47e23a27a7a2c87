// Finds where the members of a JSON object lie, without building the object (RFC 8259).
// Checks the whole grammar on the way, so that what passes here is JSON to every other reader.
// Does not check that bytes are UTF-8; message.ts does, once per message.

/** A range of bytes: `start` inclusive, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A member of an object: the range of its value, and where its key begins. */
export interface Member extends Span {
  readonly keyStart: number;
}

/** A JSON text whose containers nest deeper than this is refused, here and by many parsers. */
export const MAX_DEPTH = 4096;

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * The members of the object that fills `bytes[start, end)` but for white space, by key.
 *
 * @returns `undefined` when the text is not one well-formed JSON object, or when a key stands twice:
 *   readers disagree on which of the two counts, and a message must mean the same to all of them
 */
export function readMembers(
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): Map<string, Member> | undefined {
  // Behind `end` there is nothing.
  bytes = bytes.subarray(0, end);
  let at = skipSpace(bytes, start, end);
  if (bytes[at] !== OPEN_OBJECT) return undefined;
  const members = new Map<string, Member>();
  at = skipSpace(bytes, at + 1, end);
  if (bytes[at] === CLOSE_OBJECT) return skipSpace(bytes, at + 1, end) === end ? members : undefined;
  for (;;) {
    const keyEnd = bytes[at] === QUOTE ? skipString(bytes, at, end) : -1;
    if (keyEnd < 0) return undefined;
    const keyStart = at;
    const key = decodeString(bytes, at, keyEnd);
    at = skipSpace(bytes, keyEnd, end);
    if (bytes[at] !== COLON || members.has(key)) return undefined;
    const valueStart = skipSpace(bytes, at + 1, end);
    const valueEnd = skipValue(bytes, valueStart, end);
    if (valueEnd < 0) return undefined;
    members.set(key, { keyStart, start: valueStart, end: valueEnd });
    at = skipSpace(bytes, valueEnd, end);
    if (bytes[at] === CLOSE_OBJECT) return skipSpace(bytes, at + 1, end) === end ? members : undefined;
    if (bytes[at] !== COMMA) return undefined;
    at = skipSpace(bytes, at + 1, end);
  }
}

/**
 * The elements of the array that fills `bytes[start, end)` but for white space.
 *
 * @returns `undefined` when the text is not one well-formed JSON array
 */
export function readElements(bytes: Uint8Array, start = 0, end = bytes.length): Span[] | undefined {
  bytes = bytes.subarray(0, end);
  let at = skipSpace(bytes, start, end);
  if (bytes[at] !== OPEN_ARRAY) return undefined;
  const elements: Span[] = [];
  at = skipSpace(bytes, at + 1, end);
  if (bytes[at] === CLOSE_ARRAY) return skipSpace(bytes, at + 1, end) === end ? elements : undefined;
  for (;;) {
    const valueEnd = skipValue(bytes, at, end);
    if (valueEnd < 0) return undefined;
    elements.push({ start: at, end: valueEnd });
    at = skipSpace(bytes, valueEnd, end);
    if (bytes[at] === CLOSE_ARRAY) return skipSpace(bytes, at + 1, end) === end ? elements : undefined;
    if (bytes[at] !== COMMA) return undefined;
    at = skipSpace(bytes, at + 1, end);
  }
}

/** The index of the first byte from `at` on that is not white space; `end` if there is none. */
export function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
  return end;
}

/** The index behind the JSON value that begins at `at`; −1 when there is none. */
function skipValue(bytes: Uint8Array, at: number, end: number): number {
  // One entry per open container: whether it is an object, which wants a key before each value.
  const open: boolean[] = [];
  for (;;) {
    const byte = bytes[at];
    if (at >= end) return -1;
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      const isObject = byte === OPEN_OBJECT;
      at = skipSpace(bytes, at + 1, end);
      if (bytes[at] !== (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        if (open.push(isObject) > MAX_DEPTH) return -1;
        if (isObject && (at = skipKey(bytes, at, end)) < 0) return -1;
        continue;
      }
      at++;
    } else if (byte === QUOTE) {
      at = skipString(bytes, at, end);
    } else {
      at = skipScalar(bytes, at, end);
    }
    if (at < 0) return -1;
    // A value is complete: close what closes behind it, then move on to the next one.
    for (;;) {
      if (open.length === 0) return at;
      const isObject = open[open.length - 1];
      at = skipSpace(bytes, at, end);
      const next = at < end ? bytes[at] : -1;
      at++;
      if (next === COMMA) {
        at = skipSpace(bytes, at, end);
        if (isObject && (at = skipKey(bytes, at, end)) < 0) return -1;
        break;
      }
      if (next !== (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return -1;
      open.pop();
    }
  }
}

/** The index of the value behind the key that begins at `at`; −1 when there is no key with a colon. */
function skipKey(bytes: Uint8Array, at: number, end: number): number {
  const keyEnd = at < end && bytes[at] === QUOTE ? skipString(bytes, at, end) : -1;
  if (keyEnd < 0) return -1;
  const colon = skipSpace(bytes, keyEnd, end);
  return colon < end && bytes[colon] === COLON ? skipSpace(bytes, colon + 1, end) : -1;
}

/** The index behind the string whose opening quote is at `at`; −1 when it does not end or holds what no string may. */
function skipString(bytes: Uint8Array, at: number, end: number): number {
  at++;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) return -1;
    if (byte === BACKSLASH) {
      const escaped = bytes[at + 1];
      if (escaped === 0x75) {
        if (at + 6 > end || !isHex(bytes[at + 2]!, bytes[at + 3]!, bytes[at + 4]!, bytes[at + 5]!)) return -1;
        at += 6;
      } else {
        if (at + 2 > end || !isEscape(escaped!)) return -1;
        at += 2;
      }
    } else {
      at++;
    }
  }
  return -1;
}

/** The index behind the number or literal at `at`; −1 when it is neither. */
function skipScalar(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at];
  if (first === 0x74) return skipWord(bytes, at, end, TRUE);
  if (first === 0x66) return skipWord(bytes, at, end, FALSE);
  if (first === 0x6e) return skipWord(bytes, at, end, NULL);
  return skipNumber(bytes, at, end);
}

const TRUE = [0x74, 0x72, 0x75, 0x65];
const FALSE = [0x66, 0x61, 0x6c, 0x73, 0x65];
const NULL = [0x6e, 0x75, 0x6c, 0x6c];

function skipWord(bytes: Uint8Array, at: number, end: number, word: readonly number[]): number {
  if (at + word.length > end) return -1;
  for (let index = 1; index < word.length; index++) if (bytes[at + index] !== word[index]) return -1;
  return at + word.length;
}

/** The index behind the number at `at` (RFC 8259 §6); −1 when there is none. What follows it is the caller's to judge. */
function skipNumber(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] === MINUS) at++;
  const whole = skipDigits(bytes, at, end);
  if (whole === at || (bytes[at] === ZERO && whole > at + 1)) return -1;
  at = whole;
  if (at < end && bytes[at] === DOT) {
    const fraction = skipDigits(bytes, at + 1, end);
    if (fraction === at + 1) return -1;
    at = fraction;
  }
  if (at < end && (bytes[at]! | 0x20) === 0x65) {
    const digits = bytes[at + 1] === PLUS || bytes[at + 1] === MINUS ? at + 2 : at + 1;
    const exponent = skipDigits(bytes, digits, end);
    if (exponent === digits) return -1;
    at = exponent;
  }
  return at;
}

/** The first index from `at` on that holds no digit; never less than `at`. */
function skipDigits(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && isDigit(bytes[at]!)) at++;
  return at;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHex(...digits: number[]): boolean {
  return digits.every(
    (digit) => isDigit(digit) || (digit >= 0x41 && digit <= 0x46) || (digit >= 0x61 && digit <= 0x66),
  );
}

function isEscape(byte: number): boolean {
  // " \ / b f n r t
  return (
    byte === QUOTE ||
    byte === BACKSLASH ||
    byte === 0x2f ||
    byte === 0x62 ||
    byte === 0x66 ||
    byte === 0x6e ||
    byte === 0x72 ||
    byte === 0x74
  );
}

// A byte order mark within a text is a character like any other.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text of a span of bytes. */
export function decode(bytes: Uint8Array, start: number, end: number): string {
  // Short spans (keys, ids, method names) cost less by hand than a call into the decoder.
  if (end - start > 24) return decoder.decode(bytes.subarray(start, end));
  let text = "";
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte > 0x7f) return decoder.decode(bytes.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}

/** The value of the JSON string at `bytes[start, end)`, quotes included. */
function decodeString(bytes: Uint8Array, start: number, end: number): string {
  const text = decode(bytes, start + 1, end - 1);
  return text.includes("\\") ? (JSON.parse(`"${text}"`) as string) : text;
}

// The words of JSON (RFC 8259 §6 and §7): where strings, numbers and literals end, and what they say.

const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const BACKSLASH = 0x5c;

/** The bytes that a string may not simply hold: its end, an escape, what has to be escaped. */
const SPECIAL = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === QUOTE || byte === BACKSLASH ? 1 : 0,
);

/** The index behind the string whose opening quote is at `at`; −1 when it does not end or holds what no string may. */
export function skipString(bytes: Uint8Array, at: number, end: number): number {
  at++;
  for (;;) {
    // Nearly all bytes of large messages pass here: one look-up each is a third of the cost of three comparisons.
    while (at < end && SPECIAL[bytes[at]!] === 0) at++;
    if (at >= end) return -1;
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte !== BACKSLASH) return -1;
    const length = bytes[at + 1] === 0x75 ? 6 : 2;
    if (at + length > end || !(length === 6 ? isHex(bytes, at + 2) : isEscape(bytes[at + 1]!))) return -1;
    at += length;
  }
}

/** The index behind the number or literal at `at`; −1 when it is neither. */
export function skipScalar(bytes: Uint8Array, at: number, end: number): number {
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

/** Whether four hexadecimal digits begin at `at`. */
function isHex(bytes: Uint8Array, at: number): boolean {
  for (let index = at; index < at + 4; index++) {
    const digit = bytes[index]!;
    if (!isDigit(digit) && !((digit | 0x20) >= 0x61 && (digit | 0x20) <= 0x66)) return false;
  }
  return true;
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

/** Words that stand in nearly every message. Recognised, they need no new string. No two may share length and last letter. */
const WORDS =
  `jsonrpc "2.0" id method params result error name uri arguments _meta tools/call tools/list content isError
  resultType structuredContent progressToken progress level data io.modelcontextprotocol/protocolVersion
  io.modelcontextprotocol/clientInfo io.modelcontextprotocol/clientCapabilities`.split(/\s+/);
const WORD_BY_SHAPE = new Map(
  WORDS.map((word) => [shapeOf(word.length, word.charCodeAt(word.length - 1)), word]),
);

function shapeOf(length: number, last: number): number {
  return length * 256 + last;
}

function findWord(bytes: Uint8Array, start: number, end: number): string | undefined {
  const word = WORD_BY_SHAPE.get(shapeOf(end - start, bytes[end - 1]!));
  if (word === undefined) return undefined;
  for (let index = 0; index < word.length; index++)
    if (word.charCodeAt(index) !== bytes[start + index]) return undefined;
  return word;
}

/** Takes any Uint8Array, needs no view of the span, and keeps a byte order mark as the character that it is. */
const toText = Buffer.prototype.toString;

/** The text of a span of bytes. */
export function decode(bytes: Uint8Array, start: number, end: number): string {
  return findWord(bytes, start, end) ?? toText.call(bytes, "utf8", start, end);
}

/** The value of the JSON string at `bytes[start, end)`, quotes included. */
export function decodeString(bytes: Uint8Array, start: number, end: number): string {
  const text = decode(bytes, start + 1, end - 1);
  return text.includes("\\") ? (JSON.parse(`"${text}"`) as string) : text;
}

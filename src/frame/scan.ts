// Finds where the members of a JSON object lie, without building the object (RFC 8259).
// Checks the whole grammar on the way, so that what passes here is JSON to every other reader.
// Does not check that bytes are UTF-8; message.ts does, once per message.

import { describeTwin, findTwin, quote, type Vocabulary } from "./names.ts";
import { decodeString, skipScalar, skipString } from "./token.ts";

/** A range of bytes: `start` inclusive, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A member of an object: the range of its value, and where its key begins. */
export interface Member extends Span {
  readonly keyStart: number;
  /** The value's own members, where they were asked for and it is an object. */
  readonly members?: ReadonlyMap<string, Member> | undefined;
}

/** The members of a well-formed object. */
export interface Scanned {
  readonly members: ReadonlyMap<string, Member>;
  /** Why readers may disagree on what the object says. Of members that stand twice only the first is there. */
  readonly doubt: string | undefined;
}

/** A JSON text whose containers nest deeper than this is refused, here and by many parsers. */
export const MAX_DEPTH = 4096;
/** An object that is looked into and has more members than this is refused: no real message has so many. */
export const MAX_MEMBERS = 10_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** A value that begins with it is null. */
const LETTER_N = 0x6e;

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
): ReadonlyMap<string, Member> | undefined {
  const object = readObject(bytes, start, end, NOTHING_KNOWN);
  return object?.doubt === undefined ? object?.members : undefined;
}

const NOTHING_KNOWN: Vocabulary = {
  names: new Map(),
  folded: new Map(),
  hashes: new Set(),
  twins: "refused",
};

/**
 * As `readMembers`, and in the same pass the members of what is known to be looked into.
 *
 * @returns `undefined` when the text is not one well-formed JSON object
 */
export function readObject(
  bytes: Uint8Array,
  start: number,
  end: number,
  known: Vocabulary = NOTHING_KNOWN,
): Scanned | undefined {
  // Behind `end` there is nothing.
  if (end < bytes.length) bytes = bytes.subarray(0, end);
  const found = scanObject(bytes, skipSpace(bytes, start, end), end, known);
  return found !== undefined && skipSpace(bytes, found.end, end) === end ? found : undefined;
}

/** The members of the object that begins at `at`, and the index behind it. */
function scanObject(
  bytes: Uint8Array,
  at: number,
  end: number,
  known: Vocabulary,
): (Scanned & { end: number }) | undefined {
  if (bytes[at] !== OPEN_OBJECT) return undefined;
  const members = new Map<string, Member>();
  let doubt: string | undefined;
  let twins: Twin[] | undefined;
  at = skipSpace(bytes, at + 1, end);
  if (bytes[at] === CLOSE_OBJECT) return { members, doubt, end: at + 1 };
  for (;;) {
    const keyEnd = bytes[at] === QUOTE ? skipString(bytes, at, end) : -1;
    if (keyEnd < 0) return undefined;
    const keyStart = at;
    const key = decodeString(bytes, at, keyEnd);
    at = skipSpace(bytes, keyEnd, end);
    if (bytes[at] !== COLON) return undefined;
    const valueStart = skipSpace(bytes, at + 1, end);
    const vocabulary = known.names.get(key);
    const inner = vocabulary ? scanObject(bytes, valueStart, end, vocabulary) : undefined;
    const valueEnd = inner?.end ?? skipValue(bytes, valueStart, end);
    if (valueEnd < 0) return undefined;
    doubt ??= inner?.doubt;
    const twinOf = vocabulary === undefined && known !== NOTHING_KNOWN ? findTwin(key, known) : undefined;
    if (twinOf !== undefined && doubt === undefined)
      (twins ??= []).push({ key, twinOf, start: valueStart, end: valueEnd });
    const misplaced = doubtPlace(key, members);
    if (misplaced !== undefined) doubt ??= misplaced;
    else members.set(key, { keyStart, start: valueStart, end: valueEnd, members: inner?.members });
    at = skipSpace(bytes, valueEnd, end);
    if (bytes[at] === CLOSE_OBJECT) {
      if (twins !== undefined) doubt ??= doubtTwins(bytes, twins, members, known);
      return { members, doubt, end: at + 1 };
    }
    if (bytes[at] !== COMMA) return undefined;
    at = skipSpace(bytes, at + 1, end);
  }
}

/** A member that some readers take for a known one. */
interface Twin extends Span {
  readonly key: string;
  readonly twinOf: string;
}

function doubtTwins(
  bytes: Uint8Array,
  twins: readonly Twin[],
  members: ReadonlyMap<string, Member>,
  known: Vocabulary,
): string | undefined {
  const meta = known.names.get("_meta") ?? NOTHING_KNOWN;
  const isMetaUsed = holdsKnown(members.get("_meta")?.members, meta);
  const isDoubtful = (twin: Twin) => {
    const isAlone = !members.has(twin.twinOf);
    if (known.twins === "refused") return true;
    if (known.twins === "null") return !(isAlone && bytes[twin.start] === LETTER_N);
    if (twin.twinOf !== "_meta") return !isAlone;
    if (isMetaUsed) return true;
    const other = scanObject(bytes, twin.start, twin.end, meta);
    return other?.doubt !== undefined || holdsKnown(other?.members, meta);
  };
  const found = twins.find(isDoubtful);
  return found && describeTwin(found.key, found.twinOf);
}

function holdsKnown(members: ReadonlyMap<string, Member> | undefined, known: Vocabulary): boolean {
  return members !== undefined && [...members.keys()].some((key) => known.names.has(key));
}

function doubtPlace(key: string, members: ReadonlyMap<string, Member>): string | undefined {
  if (members.has(key)) return `${quote(key)} stands twice`;
  return members.size >= MAX_MEMBERS ? `it has more than ${MAX_MEMBERS} members` : undefined;
}

/**
 * The elements of the array that fills `bytes[start, end)` but for white space.
 *
 * @returns `undefined` when the text is not one well-formed JSON array
 */
export function readElements(bytes: Uint8Array, start = 0, end = bytes.length): Span[] | undefined {
  if (end < bytes.length) bytes = bytes.subarray(0, end);
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

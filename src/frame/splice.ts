// Changes a few places in a JSON text and leaves every other byte as it was written.
import { skipSpace, type Member, type Span } from "./scan.ts";

/** A place in a text and what shall stand there instead. An empty place is where something is put in. */
export interface Edit {
  at: Span;
  text: string;
}

/** Takes any Uint8Array, and needs no view of each part that it copies. */
const { copy } = Buffer.prototype;

/** The text with each edit made. Places must not overlap. */
export function splice(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const ordered = edits.length > 1 ? edits.toSorted((a, b) => a.at.start - b.at.start) : edits;
  let length = bytes.length;
  for (const { at, text } of ordered) length += Buffer.byteLength(text) - (at.end - at.start);
  const spliced = Buffer.allocUnsafe(length);
  let from = 0;
  let to = 0;
  for (const { at, text } of ordered) {
    to += copy.call(bytes, spliced, to, from, at.start);
    to += spliced.write(text, to);
    from = at.end;
  }
  copy.call(bytes, spliced, to, from);
  return spliced;
}

/**
 * Puts members at the beginning of an object.
 *
 * @param object where the object lies
 * @param members JSON text of the members, such as `"a":1,"b":2`
 */
export function insertMembers(bytes: Uint8Array, object: Span, members: string): Edit {
  const at = object.start + 1;
  const isEmpty = skipSpace(bytes, at, object.end) === object.end - 1;
  return { at: { start: at, end: at }, text: isEmpty ? members : `${members},` };
}

/** Takes members out of an object, with the commas that go with them. */
export function removeMembers(
  members: ReadonlyMap<string, Member>,
  isRemoved: (key: string) => boolean,
): Edit[] {
  const edits: Edit[] = [];
  let kept: Member | undefined;
  let first: Member | undefined;
  let last: Member | undefined;
  for (const [key, member] of members) {
    if (isRemoved(key)) {
      first ??= member;
      last = member;
      continue;
    }
    if (first !== undefined) edits.push({ at: { start: first.keyStart, end: member.keyStart }, text: "" });
    first = undefined;
    kept = member;
  }
  if (first !== undefined)
    edits.push({ at: { start: kept?.end ?? first.keyStart, end: last!.end }, text: "" });
  return edits;
}

/** Whether a text mentions something at all: far cheaper than walking through it. */
export function mentions(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(text);
}

// Makes foreign text fit for a screen: it cannot send commands to the terminal (ECMA-48), begin a line of its own, hide
// anything or reverse the order of letters (Unicode UTS #39 §3.1 and UAX #9; CVE-2021-42574).

/** The usual case: nothing to remove. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;
/** Line ends of every kind and everything that looks like a space. */
const SPACE = /[\s\x85\u2800]+/g;
/** Not shown, or shown as a change of the text around it. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;
/** Controls, halves of characters, and code points that are unassigned or for private use. */
const NO_TEXT = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}]/gu;
/** Accents without a letter, and more on one letter than any script uses: they are drawn over the lines around it. */
const STRAY_MARKS = /(?<=^|\s)\p{M}+|(?<=\p{M}{4})\p{M}+/gu;
const CONTROL_BUT_LAYOUT = /(?![\n\t])\p{Cc}/gu;
/** All of these, and line separators: in JSON text they only occur in strings. */
const HIDDEN_IN_JSON = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** Replaces characters that are not shown. */
const MARK = "\u{fffd}";

const LONGEST_VALUE = 200;
const LONGEST_LINE = 4_096;

/** A foreign word or sentence, in one line of at most `longest` characters; empty when none of it is visible. */
export function printable(text: string, longest = LONGEST_VALUE): string {
  if (text.length <= longest && PLAIN.test(text)) return text;
  return shorten(show(begin(text, longest).replace(SPACE, " ")).trim(), longest);
}

/** A whole line that another program printed: its layout is kept, its colours are not. */
export function printableLine(line: string, longest = LONGEST_LINE): string {
  const text = begin(line, longest)
    .replace(/\t/g, "    ")
    .replace(/[\x85\p{Zl}\p{Zp}]/gu, " ");
  return shorten(show(text).trimEnd(), longest);
}

/** A text of our own that may hold foreign text: its lines are kept, commands to the terminal are removed. */
export function printableText(text: string): string {
  return Bun.stripANSI(text)
    .replace(/[\p{Zl}\p{Zp}]/gu, " ")
    .replace(INVISIBLE, "")
    .replace(STRAY_MARKS, "")
    .replace(CONTROL_BUT_LAYOUT, MARK);
}

/** A value as one line of JSON, safe for programs that split lines and for a terminal. */
export function toJsonLine(value: unknown): string {
  return JSON.stringify(value).replace(HIDDEN_IN_JSON, (text) => text.split("").map(escape).join(""));
}

/** One UTF-16 unit as JSON escapes it (RFC 8259 §7). */
function escape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** For values that must not hold any, rather than lose them. */
export function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

/** Commands are removed as a whole, so that no part of them is left. */
function show(text: string): string {
  return Bun.stripANSI(text).replace(INVISIBLE, "").replace(STRAY_MARKS, "").replace(NO_TEXT, MARK);
}

/** Only as much text as could be shown, with room for what is removed. */
function begin(text: string, longest: number): string {
  return text.length > 8 * longest ? `${text.slice(0, 8 * longest)}…` : text;
}

function shorten(text: string, longest: number): string {
  const characters = Array.from(text);
  return characters.length > longest ? `${characters.slice(0, longest - 1).join("")}…` : text;
}

// Makes text that somebody else chose fit for a screen: it is no command to the terminal (ECMA-48), begins no line of its own,
// hides nothing and does not turn the order of letters around (Unicode UTS #39 §3.1 and UAX #9; CVE-2021-42574).

/** What is nearly always there: nothing to take out. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;
/** Line ends of every kind and all that looks like a space. */
const SPACE = /[\s\x85\u2800]+/g;
/** Not shown, or shown as a change of what stands around it. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;
/** Controls, halves of characters, and code points that are no characters, or only to whoever agreed on them. */
const NO_TEXT = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}]/gu;
/** Accents without a letter to stand on, and more on one letter than any script puts there: drawn over the lines around it. */
const STRAY_MARKS = /(?<=^|\s)\p{M}+|(?<=\p{M}{4})\p{M}+/gu;
const CONTROL_BUT_LAYOUT = /(?![\n\t])\p{Cc}/gu;
/** All of these, and line separators: in JSON text they stand in strings alone. */
const HIDDEN_IN_JSON = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** In the place of what is not shown. */
const MARK = "\u{fffd}";

const LONGEST_VALUE = 200;
const LONGEST_LINE = 4_096;

/** A word or a sentence of somebody else's, in one line: `longest` characters of it, and empty when nothing of it can be seen. */
export function printable(text: string, longest = LONGEST_VALUE): string {
  if (text.length <= longest && PLAIN.test(text)) return text;
  return shorten(show(begin(text, longest).replace(SPACE, " ")).trim(), longest);
}

/** A whole line that another program printed; its layout stays, its colours do not. */
export function printableLine(line: string, longest = LONGEST_LINE): string {
  const text = begin(line, longest)
    .replace(/\t/g, "    ")
    .replace(/[\x85\p{Zl}\p{Zp}]/gu, " ");
  return shorten(show(text).trimEnd(), longest);
}

/** A text of our own that may hold what others wrote: lines stay, commands to the terminal go. */
export function printableText(text: string): string {
  return Bun.stripANSI(text)
    .replace(/[\p{Zl}\p{Zp}]/gu, " ")
    .replace(INVISIBLE, "")
    .replace(STRAY_MARKS, "")
    .replace(CONTROL_BUT_LAYOUT, MARK);
}

/** A value as one line of JSON, for whoever takes lines apart and for a terminal: nothing in it is more than a letter. */
export function toJsonLine(value: unknown): string {
  return JSON.stringify(value).replace(HIDDEN_IN_JSON, (text) => text.split("").map(escape).join(""));
}

/** Of half a character outside the first plane, as JSON writes these (RFC 8259 §7). */
function escape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Commands go as a whole, so that nothing of them is left to read. */
function show(text: string): string {
  return Bun.stripANSI(text).replace(INVISIBLE, "").replace(STRAY_MARKS, "").replace(NO_TEXT, MARK);
}

/** No more is looked at than could be shown, with some room for what is not. */
function begin(text: string, longest: number): string {
  return text.length > 8 * longest ? `${text.slice(0, 8 * longest)}…` : text;
}

function shorten(text: string, longest: number): string {
  const characters = Array.from(text);
  return characters.length > longest ? `${characters.slice(0, longest - 1).join("")}…` : text;
}

// Text for terminals of any width.

/** Breaks a text between words. A word stays whole, however long: a URL or a token is copied. */
export function wrap(text: string, width: number, indent = 0): string {
  const lines: string[] = [];
  for (const word of text.split(/ (?! )/)) {
    const last = lines.at(-1);
    const longer = last === undefined ? word : `${last} ${word}`;
    if (last === undefined || indent + Bun.stringWidth(longer) > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.map((line) => line.trimEnd()).join(`\n${" ".repeat(indent)}`);
}

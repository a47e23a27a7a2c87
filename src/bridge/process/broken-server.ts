// What callers are told of a server that does not work: how it ended, and the last lines that it wrote. The person who has
// broken it reads them where they are, and so does the model that may mend it.
import { describeExit, type ChildExit } from "../../child/child.ts";
import { printableLine } from "../../printable.ts";

/** The last lines of stderr that are quoted, and the characters of all of them together. */
const MOST_LINES = 20;
const MOST_TEXT = 4_000;

/**
 * @param remedy when it is started again, as a sentence
 * @param isPublic strangers are told: what a server prints is not theirs to read
 */
export function describeBrokenServer(exit: ChildExit, remedy: string, isPublic = false): string {
  if (isPublic) return `The MCP server does not start. ${remedy}`;
  const lines = quoteLastLines(exit.stderrTail);
  const output =
    lines.length > 0 ? `Its last output:\n${lines.join("\n")}\n` : "It wrote nothing to stderr. ";
  return `The MCP server does not start: ${describeExit(exit)}. ${output}${remedy}`;
}

/** The newest lines that there is room for, oldest first. */
function quoteLastLines(stderrTail: readonly string[]): string[] {
  const lines: string[] = [];
  let room = MOST_TEXT;
  for (const line of stderrTail.slice(-MOST_LINES).toReversed()) {
    const text = printableLine(line, MOST_TEXT / 4);
    room -= text.length + 1;
    if (room < 0) break;
    if (text !== "") lines.unshift(text);
  }
  return lines;
}

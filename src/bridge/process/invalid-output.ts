// What a server writes to stdout that is no MCP message, or could be two: told once as a warning, then only to who looks closely.
import type { Log } from "../../log.ts";
import { printable } from "../../printable.ts";

/** How much of a line is quoted. */
const QUOTED = 120;

export function createInvalidOutputReport(log: Log): (line: Uint8Array, doubt?: string) => void {
  let warned = false;
  return (line, doubt) => {
    const quote = printable(Buffer.from(line.subarray(0, 4 * QUOTED)).toString(), QUOTED);
    const tell = warned ? log.debug : log.warn;
    warned = true;
    const flaw =
      doubt === undefined ? "what is no MCP message" : `a message that can be read in two ways (${doubt})`;
    tell(`The server writes to stdout ${flaw}; such lines are dropped: "${quote}"`);
  };
}

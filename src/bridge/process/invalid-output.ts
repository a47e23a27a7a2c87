// Reports lines of a server's stdout that are not an MCP message, or can be read as two: the first one as a warning, the
// others for debugging.
import type { Log } from "../../log.ts";
import { printable } from "../../printable.ts";

/** How much of a line is quoted. */
const QUOTED = 120;

export function createInvalidOutputReport(log: Log): (line: Uint8Array, doubt?: string) => void {
  let warned = false;
  return (line, doubt) => {
    const quote = printable(Buffer.from(line.subarray(0, 4 * QUOTED)).toString(), QUOTED);
    const report = warned ? log.debug : log.warn;
    warned = true;
    const lines =
      doubt === undefined
        ? "lines that are not MCP messages"
        : `messages that can be read in two ways (${doubt})`;
    report(`The server writes ${lines} to stdout; they are dropped: "${quote}"`);
  };
}

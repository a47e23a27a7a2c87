// What a server writes to stdout that is no MCP message: told once as a warning, then only to who looks closely.
import type { Log } from "../log.ts";
import { printable } from "../printable.ts";

/** How much of a line is quoted. */
const QUOTED = 120;

export function createNoiseTeller(log: Log): (line: Uint8Array, why?: string) => void {
  let warned = false;
  return (line, why) => {
    const quote = printable(Buffer.from(line.subarray(0, 4 * QUOTED)).toString(), QUOTED);
    const tell = warned ? log.debug : log.warn;
    warned = true;
    const reason = why === undefined ? "" : ` (${why})`;
    tell(`The server writes to stdout what is no MCP message${reason}; such lines are dropped: "${quote}"`);
  };
}

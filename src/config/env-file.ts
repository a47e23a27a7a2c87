// Reads files of NAME=value lines: blank lines, # comments, an `export` in front, quotes over several lines.
// `parseEnv` decides what a line means; it skips lines it does not understand, so those are looked for first.
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { messageOf, UserError } from "../errors.ts";

const QUOTED = /^\s*(?:export\s+)?[\w.-]+\s*=\s*(["'`])/;
const PLAIN = /^\s*(?:(?:export\s+)?[\w.-]+\s*=.*|#.*)?$/;

/** @throws {UserError} the file cannot be read, or has a line that is not NAME=value */
export function readEnvFile(path: string, from: string): Record<string, string> {
  const text = readText(path, from)
    .replace(/^\uFEFF/, "")
    .replaceAll("\r\n", "\n");
  const line = findBadLine(text);
  if (line !== undefined)
    throw new UserError(
      `${from}: line ${line} of "${path}" is not NAME=value.`,
      "Correct the line, or comment it out with #.",
    );
  return parseEnv(text) as Record<string, string>;
}

function readText(path: string, from: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    const missing = (thrown as NodeJS.ErrnoException).code === "ENOENT";
    throw new UserError(
      missing
        ? `${from}: there is no file "${path}".`
        : `${from}: "${path}" cannot be read: ${messageOf(thrown)}`,
      "Check the path and its permissions.",
    );
  }
}

/** The number, from 1, of the first line that would be lost. Its text is never shown: it may be a secret. */
function findBadLine(text: string): number | undefined {
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const quote = QUOTED.exec(line);
    if (quote?.[1] === undefined) {
      if (!PLAIN.test(line)) return at + 1;
      continue;
    }
    const end = findClosing(lines, at, quote[0].length, quote[1]);
    if (end === undefined) return at + 1;
    at = end;
  }
  return undefined;
}

function findClosing(
  lines: readonly string[],
  start: number,
  column: number,
  quote: string,
): number | undefined {
  if (lines[start]?.includes(quote, column)) return start;
  const end = lines.findIndex((line, index) => index > start && line.includes(quote));
  return end === -1 ? undefined : end;
}

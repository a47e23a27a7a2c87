// How a start that failed is told to scripts: `--json` promises a first line, `ready` or this in its place.
import type { AppEvent } from "../app/app.ts";
import { messageOf, UserError } from "../errors.ts";

/** Without the server's own words, which may hold anything. */
export function toFailedEvent(thrown: unknown): Extract<AppEvent, { event: "failed" }> {
  const [reason = ""] = messageOf(thrown).split("\n");
  const advice = thrown instanceof UserError ? thrown.hint : undefined;
  return { event: "failed", reason, ...(advice !== undefined && { advice }) };
}

/**
 * Whether a script that starts a server waits for that line, also where the command line cannot be understood.
 *
 * @param argv the words after the program's name; what stands behind `--` is the server's
 */
export function wantsJson(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const border = argv.indexOf("--");
  const ours = border < 0 ? argv : argv.slice(0, border);
  return ours.includes("--json") || ["1", "true"].includes(env["MCP_EXPOSE_JSON"] ?? "");
}

// How a start that failed is reported to scripts: the first line of `--json` is `ready`, or this in its place.
import type { AppEvent } from "../app/app.ts";
import { messageOf, UserError } from "../errors.ts";

/** Without the server's own output, which may hold anything. */
export function toFailedEvent(thrown: unknown): Extract<AppEvent, { event: "failed" }> {
  const [reason = ""] = messageOf(thrown).split("\n");
  const advice = thrown instanceof UserError ? thrown.hint : undefined;
  return { event: "failed", reason, ...(advice !== undefined && { advice }) };
}

/**
 * Whether a script that starts a server waits for that line, even if the command line is wrong.
 *
 * @param argv the arguments after the program's name; everything after `--` is the server's
 */
export function wantsJson(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const end = argv.indexOf("--");
  const ours = end < 0 ? argv : argv.slice(0, end);
  return ours.includes("--json") || ["1", "true"].includes(env["MCP_EXPOSE_JSON"] ?? "");
}

// Whether a script reads what we print: `--json` promises it a first line, `ready` or `failed` in its place.

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

// Whether a script reads what we print: `--json` promises it a first line, `ready` or `failed` in its place.

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

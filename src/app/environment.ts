// The environment that the processes we start inherit.
import type { Config } from "../config/config.ts";

/** Not inherited, besides our own settings: ngrok's secret, and a flag that the launcher sets for Bun. */
const OURS: ReadonlySet<string> = new Set(["NGROK_AUTHTOKEN", "BUN_FEATURE_FLAG_NO_ORPHANS"]);

/** Our own environment without the variables that are only ours. */
export function inheritEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const inherited = Object.entries(env).filter(
    ([name, value]) => value !== undefined && !OURS.has(name) && !name.startsWith("MCP_EXPOSE_"),
  );
  return Object.fromEntries(inherited) as Record<string, string>;
}

/** The environment of the wrapped server: what is inherited, and what the person set for it. */
export function childEnvironment(
  config: Pick<Config, "env">,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return { ...inheritEnvironment(env), ...config.env };
}

// What the processes that we start inherit of our environment: everything but what is ours alone.
import type { Config } from "../config/config.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Besides our own settings: ngrok's secret, and a flag that the launcher sets for Bun. */
const OURS: ReadonlySet<string> = new Set(["NGROK_AUTHTOKEN", "BUN_FEATURE_FLAG_NO_ORPHANS"]);

/** The environment of every process we start. */
export function inheritEnvironment(env: Environment): Record<string, string> {
  const inherited = Object.entries(env).filter(
    ([name, value]) => value !== undefined && !OURS.has(name) && !name.startsWith("MCP_EXPOSE_"),
  );
  return Object.fromEntries(inherited) as Record<string, string>;
}

/** The environment of the wrapped server: what is inherited, and what the person set for it. */
export function childEnvironment(config: Pick<Config, "env">, env: Environment): Record<string, string> {
  return { ...inheritEnvironment(env), ...config.env };
}

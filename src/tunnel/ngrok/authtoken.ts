// Finds the authtoken where people who use ngrok already have it on this machine.
// Files: https://ngrok.com/docs/agent/config#default-locations; both layouts, /agent/config/v2 and /v3.
// No content of a file may be shown.
import { posix, win32 } from "node:path";
import type { Log } from "../../log.ts";

export interface AuthtokenSources {
  /** From the command line or the config file; takes precedence. */
  given?: string;
  env: Readonly<Record<string, string | undefined>>;
  platform: NodeJS.Platform;
  /** The person's home folder. */
  home: string;
  /** The text of a file; rejects with `code: "ENOENT"` when there is none. */
  readText(path: string): Promise<string>;
  log: Pick<Log, "warn" | "debug" | "redact">;
}

/** The first authtoken that is not blank: as given, NGROK_AUTHTOKEN, the ngrok agent's ngrok.yml. */
export async function findAuthtoken(sources: AuthtokenSources): Promise<string | undefined> {
  const { given, env, log } = sources;
  const authtoken = given?.trim() || env["NGROK_AUTHTOKEN"]?.trim() || (await findInAgentConfig(sources));
  if (authtoken) log.redact(authtoken);
  return authtoken;
}

async function findInAgentConfig(sources: AuthtokenSources): Promise<string | undefined> {
  for (const path of listAgentConfigs(sources)) {
    const authtoken = await readAgentConfig(path, sources);
    if (authtoken === undefined) continue;
    sources.log.debug(`The ngrok authtoken comes from "${path}".`);
    return authtoken;
  }
  return undefined;
}

/** In the agent's own order: the platform's folder, then that of ngrok 2. */
function listAgentConfigs({ env, platform, home }: AuthtokenSources): string[] {
  const { join } = platform === "win32" ? win32 : posix;
  const folders: Partial<Record<NodeJS.Platform, string>> = {
    darwin: join(home, "Library", "Application Support"),
    win32: env["LOCALAPPDATA"] || join(home, "AppData", "Local"),
  };
  const folder = folders[platform] ?? (env["XDG_CONFIG_HOME"] || join(home, ".config"));
  return [join(folder, "ngrok", "ngrok.yml"), join(home, ".ngrok2", "ngrok.yml")];
}

async function readAgentConfig(
  path: string,
  { readText, log }: AuthtokenSources,
): Promise<string | undefined> {
  try {
    const config = Bun.YAML.parse(await readText(path));
    return readString(readMember(config, "agent"), "authtoken") ?? readString(config, "authtoken");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    log.warn(
      `The ngrok config "${path}" was ignored: it cannot be read or is not valid YAML. Run: ngrok config check`,
    );
    return undefined;
  }
}

function readMember(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function readString(value: unknown, name: string): string | undefined {
  const member = readMember(value, name);
  return (typeof member === "string" && member.trim()) || undefined;
}

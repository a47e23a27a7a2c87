// The tunnel to open, or the proxy in front: what the options mean together, and which contradict each other.
import { UserError } from "../errors.ts";
import type { Config } from "./config.ts";
import type { LoadedFile } from "./load-file.ts";
import type { Setting, Settings } from "./merge.ts";
import { readNgrokSettings } from "./ngrok-settings.ts";
import { isLocalHost } from "./urls.ts";

export type TunnelChoice = Pick<Config, "tunnel" | "ngrokAuthtoken" | "ngrok" | "publicUrl">;

export interface TunnelSources {
  /** The path of the MCP endpoint. */
  path: string;
  file: LoadedFile | undefined;
  /** The ngrok authtoken to use, if there is one anywhere; `given` is the one from our own settings. */
  findAuthtoken(given: string | undefined): Promise<string | undefined>;
}

const NGROK_HINT = "Only ngrok supports that. Use --tunnel ngrok, or leave the option out.";
const PROXY_HINT = "With a proxy of your own, no tunnel is opened. Leave one of the two out.";

/** @throws {UserError} exit code 2: options that contradict each other */
export async function resolveTunnel(settings: Settings, sources: TunnelSources): Promise<TunnelChoice> {
  const { publicUrl, tunnel } = settings;
  if (publicUrl !== undefined) return resolveProxy(publicUrl, settings, sources.path);
  if (tunnel === undefined || tunnel.value === "ngrok") return await resolveNgrok(settings, sources);
  for (const setting of listNgrokSettings(settings))
    refusePair(setting.from, `${tunnel.from} ${tunnel.value}`, NGROK_HINT);
  return { tunnel: tunnel.value };
}

/** Whether the URL is reachable from another machine. */
export function isOnInternet({ tunnel, publicUrl }: TunnelChoice): boolean {
  return tunnel !== "none" || (publicUrl !== undefined && !isLocalHost(new URL(publicUrl).hostname));
}

export function refusePair(one: string, other: string, hint: string): never {
  throw new UserError(`${one} and ${other} do not go together.`, hint);
}

function resolveProxy(publicUrl: Setting<URL>, settings: Settings, path: string): TunnelChoice {
  const { tunnel } = settings;
  const others = [tunnel?.value === "none" ? undefined : tunnel, ...listNgrokSettings(settings)];
  for (const setting of others)
    if (setting !== undefined) refusePair(publicUrl.from, setting.from, PROXY_HINT);
  return { tunnel: "none", publicUrl: takeOrigin(publicUrl, path) };
}

async function resolveNgrok(
  settings: Settings,
  { file, findAuthtoken }: TunnelSources,
): Promise<TunnelChoice> {
  const ngrokAuthtoken = await findAuthtoken(settings.ngrokAuthtoken?.value);
  const ngrok = readNgrokSettings(file);
  const isAskedFor = settings.tunnel !== undefined || listNgrokSettings(settings).length > 0;
  return {
    tunnel: isAskedFor || ngrokAuthtoken !== undefined ? "ngrok" : "none",
    ...(ngrokAuthtoken !== undefined && { ngrokAuthtoken }),
    ...(ngrok !== undefined && { ngrok }),
  };
}

/** What is given and only ngrok supports. */
function listNgrokSettings({ domain, only }: Settings): Setting<unknown>[] {
  return [domain, only].filter((setting) => setting !== undefined);
}

/** Clients look for OAuth documents at the root of the host (RFC 8414 §3, RFC 9728 §3), so we must own all of it. */
function takeOrigin({ value: url, from }: Setting<URL>, path: string): string {
  const given = url.pathname.replace(/\/+$/, "");
  if (given === "" || given === path) return url.origin;
  throw new UserError(
    `${from}: "${url.href}" has a path, but sign-in needs the root of the host (${url.origin}/.well-known/…).`,
    `Send all of ${url.origin} to mcp-expose and use that; for another endpoint path, add --path ${given}.`,
  );
}

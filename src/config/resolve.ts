// Makes a Config of merged settings: fills in defaults, hashes passwords, and refuses what does not go together.
// Everything it needs of the outside (terminal, tunnel's authtoken, home folder) is passed in.
import { statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import type { Config, KnownClient, ServerSpec, TunnelKind, ConfiguredUser } from "./config.ts";
import { readEnvFile } from "./env-file.ts";
import type { LoadedFile } from "./load-file.ts";
import type { Settings } from "./merge.ts";
import { readNgrokSettings } from "./ngrok-settings.ts";
import { hashPassword } from "./password.ts";
import { findStateFolder, type Machine } from "./state-folder.ts";
import { isLoopbackHost } from "./urls.ts";
import { checkSecrets, listSecrets, type SecretContext } from "./weak-secrets.ts";

const HOUR = 3_600_000;
const DEFAULT = {
  host: "127.0.0.1",
  path: "/mcp",
  accessTtl: 24 * HOUR,
  refreshTtl: 90 * 24 * HOUR,
  /** Base64 makes 32 MiB of a 24 MB file; memory use grows with it, so not without bound. */
  maxBody: 32 * 2 ** 20,
  maxChildren: 8,
} as const;

export interface ResolveIO extends Machine {
  /** The ngrok authtoken to use, if there is one anywhere; `given` is the one from our own settings. */
  findAuthtoken(given: string | undefined): Promise<string | undefined>;
  /** @throws {UserError} there is nobody to ask */
  askPassword(user: string): Promise<string>;
  warn(line: string): void;
}

/**
 * @param file the config file the settings were merged with, for what is no option
 * @throws {UserError} exit code 2: settings that contradict each other
 */
export async function resolveConfig(
  settings: Settings,
  server: ServerSpec,
  file: LoadedFile | undefined,
  around: ResolveIO,
): Promise<Config> {
  const reach = await chooseReach(settings, file, around);
  const client = chooseClient(settings);
  checkVerbosity(settings);
  checkOpenDoor(settings, reach, around);
  const lifetimes = chooseLifetimes(settings, around);
  const isPublic = settings.auth?.value !== "none" && isOnInternet(reach);
  const names = [server.command, ...server.args, ...(settings.user?.value ?? []).map(({ name }) => name)];
  await checkSecrets(listSecrets(settings), { ...around, isPublic, names });
  const token = settings.token?.value;
  return {
    server,
    cwd: chooseFolder(settings, server),
    env: readEnvironment(settings),
    port: settings.port?.value ?? null,
    host: settings.host?.value ?? DEFAULT.host,
    ...reach,
    auth: settings.auth?.value ?? "oauth",
    users: await chooseUsers(settings, file, { ...around, isPublic, names }),
    ...(token === undefined ? {} : { token }),
    ...(client === undefined ? {} : { client }),
    ...chooseDocuments(settings),
    ...(settings.introspectSecret === undefined ? {} : { introspectSecret: settings.introspectSecret.value }),
    scopes: file?.values.scopes ?? {},
    store: resolveStore(settings, around),
    ...lifetimes,
    allowRedirect: settings.allowRedirect?.value ?? [],
    allowOrigin: settings.allowOrigin?.value ?? [],
    maxBody: settings.maxBody?.value ?? DEFAULT.maxBody,
    process: settings.process?.value ?? "client",
    childEra: settings.childEra?.value ?? "auto",
    maxChildren: settings.maxChildren?.value ?? DEFAULT.maxChildren,
    json: settings.json?.value ?? false,
    quiet: settings.quiet?.value ?? false,
    verbose: settings.verbose?.value ?? false,
  };
}

function chooseLifetimes(settings: Settings, { warn }: ResolveIO): Pick<Config, "accessTtl" | "refreshTtl"> {
  const accessTtl = settings.accessTtl?.value ?? DEFAULT.accessTtl;
  const refreshTtl = settings.refreshTtl?.value ?? DEFAULT.refreshTtl;
  if (refreshTtl < accessTtl) {
    const refresh = settings.refreshTtl?.from ?? "--refresh-ttl";
    const access = settings.accessTtl?.from ?? "--access-ttl";
    warn(
      `${refresh} is shorter than ${access}: when an access token runs out, there is nothing left to refresh it with, ` +
        "and people have to approve again. Shorten both, or none.",
    );
  }
  return { accessTtl, refreshTtl };
}

/** `memory` or an absolute path. */
export function resolveStore(settings: Settings, machine: Machine): string {
  return settings.store?.value ?? join(findStateFolder(machine), "state.db");
}

function chooseFolder({ cwd: setting }: Settings, server: ServerSpec): string {
  if (setting === undefined) return server.folder;
  if (!statSync(setting.value, { throwIfNoEntry: false })?.isDirectory())
    throw new UserError(
      `${setting.from}: there is no folder "${setting.value}".`,
      "Check the path, or make the folder first.",
    );
  return setting.value;
}

function readEnvironment({ env, envFile }: Settings): Record<string, string> {
  const files = (envFile?.value ?? []).map((path) => readEnvFile(path, envFile?.from ?? ""));
  return Object.assign({}, ...files, Object.fromEntries(env?.value ?? [])) as Record<string, string>;
}

type Reach = Pick<Config, "path" | "tunnel" | "domain" | "ngrokAuthtoken" | "ngrok" | "only" | "publicUrl">;

async function chooseReach(
  settings: Settings,
  file: LoadedFile | undefined,
  { findAuthtoken }: ResolveIO,
): Promise<Reach> {
  const { publicUrl, tunnel, domain, only } = settings;
  const path = settings.path?.value ?? DEFAULT.path;
  if (publicUrl !== undefined) {
    if (tunnel !== undefined && tunnel.value !== "none") refusePair(publicUrl.from, tunnel.from, PROXY_HINT);
    for (const setting of [domain, only])
      if (setting !== undefined) refusePair(publicUrl.from, setting.from, PROXY_HINT);
    return { path, tunnel: "none", publicUrl: takeOrigin(publicUrl.value, path, publicUrl.from) };
  }
  if (tunnel !== undefined && tunnel.value !== "ngrok") {
    for (const setting of [domain, only])
      if (setting !== undefined) refusePair(setting.from, `${tunnel.from} ${tunnel.value}`, NGROK_HINT);
    return { path, tunnel: tunnel.value };
  }
  const ngrokAuthtoken = await findAuthtoken(settings.ngrokAuthtoken?.value);
  const ngrok = readNgrokSettings(file);
  const asked = tunnel !== undefined || domain !== undefined || only !== undefined;
  const kind: TunnelKind = asked || ngrokAuthtoken !== undefined ? "ngrok" : "none";
  return {
    path,
    tunnel: kind,
    ...(domain === undefined ? {} : { domain: domain.value }),
    ...(ngrokAuthtoken === undefined ? {} : { ngrokAuthtoken }),
    ...(ngrok === undefined ? {} : { ngrok }),
    ...(only === undefined ? {} : { only: only.value }),
  };
}

const NGROK_HINT = "Only ngrok has that: use --tunnel ngrok, or leave it out.";

const PROXY_HINT = "With a proxy of your own no tunnel is opened: leave one of the two out.";

function refusePair(one: string, other: string, hint: string): never {
  throw new UserError(`${one} and ${other} do not go together.`, hint);
}

/** Clients look for OAuth documents at the root of the host (RFC 8414 §3, RFC 9728 §3), so we must own all of it. */
function takeOrigin(url: URL, path: string, from: string): string {
  const given = url.pathname.replace(/\/+$/, "");
  if (given === "" || given === path) return url.origin;
  throw new UserError(
    `${from}: "${url.href}" has a path, and sign-in needs the root of the host (${url.origin}/.well-known/…).`,
    `Send all of ${url.origin} to mcp-expose and use that; for another endpoint path add --path ${given}.`,
  );
}

function chooseClient({ clientId, clientSecret }: Settings): KnownClient | undefined {
  if (clientId === undefined) {
    if (clientSecret === undefined) return undefined;
    throw new UserError(`${clientSecret.from} is given without a client id.`, "Add --client-id.");
  }
  return { id: clientId.value, ...(clientSecret === undefined ? {} : { secret: clientSecret.value }) };
}

/** `none` among the hosts that are allowed leaves no host. */
function chooseDocuments({ allowClient, denyClient }: Settings): Pick<Config, "allowClient" | "denyClient"> {
  const hosts = allowClient?.value;
  return {
    ...(hosts === undefined ? {} : { allowClient: hosts.includes("none") ? [] : hosts }),
    denyClient: denyClient?.value ?? [],
  };
}

function checkVerbosity({ quiet, verbose }: Settings): void {
  if (quiet?.value && verbose?.value) refusePair(quiet.from, verbose.from, "Leave one of the two out.");
}

function checkOpenDoor(settings: Settings, { tunnel, publicUrl }: Reach, { warn }: ResolveIO): void {
  const { auth, host, yesPublic, process } = settings;
  if (host !== undefined && !isLoopbackHost(host.value))
    warn(`${host.from} ${host.value}: other machines on your network can reach this.`);
  // In one process nobody can tell whose call a question of the server's is about.
  if (auth?.value === "optional" && process?.value === "shared")
    refusePair(
      `${auth.from} optional`,
      `${process.from} shared`,
      "Strangers would see what others are asked.",
    );
  if (auth?.value !== "none") return;
  const isPublic = tunnel !== "none" || publicUrl !== undefined;
  if (isPublic && !yesPublic?.value)
    throw new UserError(
      `${auth.from} none would let everybody on the internet use your server.`,
      "Say --yes-public if you mean it, or --tunnel none to stay on this machine.",
    );
  warn(
    `${auth.from} none: whoever ${isPublic ? "knows the URL" : "reaches the port"} can use your server without signing in.`,
  );
}

function isOnInternet({ tunnel, publicUrl }: Reach): boolean {
  return tunnel !== "none" || (publicUrl !== undefined && !isLoopbackHost(new URL(publicUrl).hostname));
}

/** Logins from flags or environment stand instead of the file's. */
async function chooseUsers(
  { user }: Settings,
  file: LoadedFile | undefined,
  around: ResolveIO & SecretContext,
): Promise<ConfiguredUser[]> {
  const users: ConfiguredUser[] = user === undefined ? [...(file?.values.users ?? [])] : [];
  for (const { name, password } of user?.value ?? []) {
    const value = password ?? (await around.askPassword(name));
    await checkSecrets([{ name: `The password of "${name}"`, value }], around);
    users.push({ name, passwordHash: await hashPassword(value) });
  }
  const twice = users.find(({ name }, index) => users.findIndex((other) => other.name === name) < index);
  if (twice !== undefined)
    throw new UserError(
      `User "${twice.name}" is given twice.`,
      `Leave one of the two out of ${user?.from ?? "users"}.`,
    );
  return users;
}

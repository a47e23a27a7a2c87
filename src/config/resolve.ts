// Makes a Config of merged settings: fills in defaults, hashes passwords, and refuses what does not go together.
// Everything it needs from outside (terminal, ngrok's authtoken, home folder) is passed in.
import { statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import type { Config, ConfiguredUser, PlainFields, ServerSpec } from "./config.ts";
import { readEnvFile } from "./env-file.ts";
import type { LoadedFile } from "./load-file.ts";
import type { Settings } from "./merge.ts";
import { optionsOf } from "./options.ts";
import { hashPassword } from "./password.ts";
import { findStateFolder, type Machine } from "./state-folder.ts";
import { resolveTunnel, isOnInternet, refusePair, type TunnelChoice } from "./tunnel-choice.ts";
import { isLocalHost } from "./urls.ts";
import { checkSecrets, listSecrets, type SecretContext } from "./weak-secrets.ts";

export interface ResolveIO extends Machine {
  /** The ngrok authtoken to use, if there is one anywhere; `given` is the one from our own settings. */
  findAuthtoken(given: string | undefined): Promise<string | undefined>;
  /** @throws {UserError} there is no terminal to ask on */
  askPassword(user: string): Promise<string>;
  warn(line: string): void;
}

/**
 * @param file the config file the settings were merged with, for what is not an option
 * @throws {UserError} exit code 2: settings that contradict each other
 */
export async function resolveConfig(
  settings: Settings,
  server: ServerSpec,
  file: LoadedFile | undefined,
  io: ResolveIO,
): Promise<Config> {
  const plain = readPlainFields(settings);
  const tunnel = await resolveTunnel(settings, { ...io, file, path: plain.path });
  const client = chooseClient(settings);
  checkVerbosity(settings);
  checkExposure(settings, tunnel, io);
  checkLifetimes(settings, plain, io);
  const isPublic = plain.auth !== "none" && isOnInternet(tunnel);
  const users = (settings.user?.value ?? []).map(({ name }) => name);
  const names = [plain.name ?? "", server.command, ...server.args, ...users];
  const context = { ...io, isPublic, names };
  await checkSecrets(listSecrets(settings), context);
  return {
    ...plain,
    ...tunnel,
    ...client,
    ...chooseAllowedClients(settings),
    ...chooseWatched(settings),
    server,
    cwd: chooseFolder(settings, server),
    env: readEnvironment(settings),
    users: await chooseUsers(settings, file, context),
    scopes: file?.values.scopes ?? {},
    store: resolveStore(settings, io),
  };
}

/** The options without code of their own, each as given or with its default. */
function readPlainFields(settings: Settings): PlainFields {
  const plain = optionsOf("run").filter(([, option]) => option.custom === undefined);
  const fields = plain.map(([key, option]) => [key, settings[key]?.value ?? option.default]);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined)) as PlainFields;
}

function checkLifetimes(
  settings: Settings,
  { accessTtl, refreshTtl }: PlainFields,
  { warn }: ResolveIO,
): void {
  if (refreshTtl >= accessTtl) return;
  const refresh = settings.refreshTtl?.from ?? "--refresh-ttl";
  const access = settings.accessTtl?.from ?? "--access-ttl";
  warn(
    `${refresh} is shorter than ${access}: when an access token expires, its refresh token has expired too, ` +
      "and people have to approve again. Shorten both, or neither.",
  );
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
      "Check the path, or create the folder first.",
    );
  return setting.value;
}

function readEnvironment({ env, envFile }: Settings): Record<string, string> {
  const files = (envFile?.value ?? []).map((path) => readEnvFile(path, envFile?.from ?? ""));
  return Object.assign({}, ...files, Object.fromEntries(env?.value ?? [])) as Record<string, string>;
}

function chooseClient({ clientId, clientSecret }: Settings): Pick<Config, "client"> {
  if (clientId === undefined) {
    if (clientSecret === undefined) return {};
    throw new UserError(`${clientSecret.from} is given without a client id.`, "Add --client-id.");
  }
  return { client: { id: clientId.value, ...(clientSecret && { secret: clientSecret.value }) } };
}

/** With `none` among them, no host is allowed. */
function chooseAllowedClients({ allowClient }: Settings): Pick<Config, "allowClient"> {
  const hosts = allowClient?.value;
  return hosts === undefined ? {} : { allowClient: hosts.includes("none") ? [] : hosts };
}

function chooseWatched({ watch }: Settings): Pick<Config, "watch"> {
  const entries = watch?.value ?? [];
  const globs = entries.filter((entry) => typeof entry === "object");
  const ownFolder = entries.includes(true);
  return ownFolder || globs.length > 0 ? { watch: { ownFolder, globs } } : {};
}

function checkVerbosity({ quiet, verbose }: Settings): void {
  if (quiet?.value && verbose?.value) refusePair(quiet.from, verbose.from, "Leave one of the two out.");
}

/** What opens the server to others: an address of the network, a server process for all, no sign-in. */
function checkExposure(settings: Settings, { tunnel, publicUrl }: TunnelChoice, { warn }: ResolveIO): void {
  const { auth, host, yesPublic, process } = settings;
  if (host !== undefined && !isLocalHost(host.value))
    warn(`${host.from} ${host.value}: other machines on your network can reach this.`);
  // In one process a request of the server cannot be matched with the caller it is about.
  if (auth?.value === "optional" && process?.value === "shared")
    refusePair(
      `${auth.from} optional`,
      `${process.from} shared`,
      "People without a sign-in would see what the server asks others.",
    );
  if (auth?.value !== "none") return;
  const isPublic = tunnel !== "none" || publicUrl !== undefined;
  if (isPublic && !yesPublic?.value)
    throw new UserError(
      `${auth.from} none would let everyone on the internet use your server.`,
      "Add --yes-public to confirm this, or --tunnel none to stay on this machine.",
    );
  warn(
    `${auth.from} none: anyone who ${isPublic ? "knows the URL" : "reaches the port"} can use your server without signing in.`,
  );
  warnOfUnusedSignIn(settings, warn);
}

function warnOfUnusedSignIn(
  { token, user, clientId, introspectSecret }: Settings,
  warn: ResolveIO["warn"],
): void {
  for (const unused of [token, user, clientId, introspectSecret])
    if (unused !== undefined) warn(`${unused.from} has no effect where no one signs in.`);
}

/** Users from flags or environment replace those of the file. */
async function chooseUsers(
  { user }: Settings,
  file: LoadedFile | undefined,
  context: ResolveIO & SecretContext,
): Promise<ConfiguredUser[]> {
  const users: ConfiguredUser[] = user === undefined ? [...(file?.values.users ?? [])] : [];
  for (const { name, password } of user?.value ?? []) {
    const value = password ?? (await context.askPassword(name));
    await checkSecrets([{ name: `The password of "${name}"`, value }], context);
    users.push({ name, passwordHash: await hashPassword(value) });
  }
  const twice = users.find(({ name }, index) => users.findIndex((other) => other.name === name) < index);
  if (twice !== undefined)
    throw new UserError(
      `User "${twice.name}" is given twice.`,
      `Remove one of the two from ${user?.from ?? "users"}.`,
    );
  return users;
}

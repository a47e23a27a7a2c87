// What a config file may hold: known keys, and the shape of those that are not options (`server`, `users`, `ngrok`, `scopes`).
// The options' own values are read by merge.ts, like those of every other source.
import { UserError } from "../errors.ts";
import { isUserName } from "./kinds.ts";
import { isRecord } from "./record.ts";
import type { ConfigFile } from "./define-config.ts";
import { mayComeFrom } from "./option.ts";
import { listOptions } from "./options.ts";
import { checkNgrok } from "./ngrok-settings.ts";
import { checkScopes } from "./scopes.ts";
import { suggestName } from "./suggestion.ts";

const HASH = /^\$(argon2(id|i|d)|2[aby])\$/;

/** Names from the command line, and the key to write instead. */
const REPLACEMENT: Record<string, string> = { user: "users", args: "server", command: "server" };

/**
 * @param exported the file's default export
 * @throws {UserError} it is not an object, has an unknown key, or one of those is not of its shape
 */
export function checkFile(exported: unknown, name: string): ConfigFile {
  if (!isRecord(exported))
    throw new UserError(
      `${name} has no settings: its default export is ${exported === undefined ? "missing" : describe(exported)}.`,
      "Write export default defineConfig({ … }), or an object in a .json file.",
    );
  const known = listFileKeys();
  for (const key of Object.keys(exported)) if (!known.includes(key)) refuseKey(key, name, known);
  if (exported["server"] !== undefined) checkServer(exported["server"], name);
  if (exported["users"] !== undefined) checkUsers(exported["users"], name);
  if (exported["ngrok"] !== undefined) checkNgrok(exported["ngrok"], name);
  if (exported["scopes"] !== undefined) checkScopes(exported["scopes"], name);
  return exported;
}

export function listFileKeys(): string[] {
  const options = listOptions().filter(([, option]) => mayComeFrom(option, "file"));
  return ["server", "users", "ngrok", "scopes", ...options.map(([key]) => key)];
}

function refuseKey(key: string, name: string, known: readonly string[]): never {
  const meant = (Object.hasOwn(REPLACEMENT, key) ? REPLACEMENT[key] : undefined) ?? suggestName(key, known);
  throw new UserError(
    `${name} has an unknown key "${key}".`,
    meant === undefined
      ? "See mcp-expose --help for the options; the keys are their names in camelCase."
      : `Did you mean ${meant}?`,
  );
}

function checkServer(server: unknown, name: string): void {
  const words: unknown[] = Array.isArray(server) ? server : [server];
  if (words.length > 0 && words.every((word) => typeof word === "string") && words[0] !== "") return;
  throw new UserError(
    `server in ${name} is not a command.`,
    'Use a string, such as "./server.js", or a list, such as ["npx", "-y", "my-server"].',
  );
}

function checkUsers(users: unknown, name: string): void {
  if (!Array.isArray(users))
    throw new UserError(`users in ${name} is not a list.`, "Use [{ name, passwordHash }].");
  for (const [index, user] of users.entries()) {
    const where = `users[${index}]`;
    if (!isRecord(user))
      throw new UserError(`${where} in ${name} is not a user.`, "Use { name, passwordHash }.");
    for (const key of Object.keys(user))
      if (key !== "name" && key !== "passwordHash")
        throw new UserError(
          `${where} in ${name} has an unknown key "${key}".`,
          key === "password"
            ? "Use passwordHash, with the output of mcp-expose hash-password."
            : "Use { name, passwordHash }.",
        );
    const { name: login, passwordHash } = user;
    if (typeof login !== "string" || !isUserName(login))
      throw new UserError(
        `${where}.name in ${name} is not a user name.`,
        "Use a name without spaces or colons.",
      );
    if (typeof passwordHash !== "string" || !HASH.test(passwordHash))
      throw new UserError(
        `${where}.passwordHash in ${name} is not a password hash.`,
        `Use the output of: mcp-expose hash-password ${login}`,
      );
  }
}

function describe(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
}

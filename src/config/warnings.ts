// Warnings before anything starts: secrets that others can read, variables that have no effect. No value is ever shown.
import { NAME } from "../version.ts";
import type { Flag } from "./merge.ts";
import { flagName, mayComeFrom, type Option, variableName } from "./option.ts";
import { listOptions, OPTIONS } from "./options.ts";
import { suggestName } from "./suggestion.ts";

const PREFIX = "MCP_EXPOSE_";
/** A variable that is not an option. */
const PASSWORD = "MCP_EXPOSE_PASSWORD";
const INTERNAL = ["AGENT", "NGROK_SERVER", "NGROK_CA", "ALLOW_PRIVATE_FETCH", "NO_INSPECT"].map(
  (name) => PREFIX + name,
);
/** Common in the names of variables that hold a secret. */
const SECRET_NAME = /key|token|secret|passw|credential/i;

/** Warnings about secrets on the command line: `ps` shows them to every user of the machine. */
export function warnOfExposedSecrets(flags: readonly Flag[]): string[] {
  return flags.flatMap((flag) => {
    const [secret, instead] = findSecret(flag) ?? [];
    if (secret === undefined) return [];
    return [`${secret} is on the command line, where every user of this machine can see it. ${instead}`];
  });
}

/** @returns the name to show, and what to do instead */
function findSecret({ key, from, text }: Flag): [secret: string, instead: string] | undefined {
  const [name = "", ...rest] = text.split(key === "env" ? "=" : ":");
  const option: Option = OPTIONS[key];
  switch (key) {
    case "user":
      return rest.length === 0
        ? undefined
        : [`The password of "${name}"`, `Leave it out to be asked for it, or set ${PASSWORD}.`];
    case "env":
      return SECRET_NAME.test(name)
        ? [`${name} (${from})`, "Put it into a file and use --env-file."]
        : undefined;
    default:
      return option.secret ? [from, `Set ${variableName(key)} instead.`] : undefined;
  }
}

/** A note on options of ours after the server, which were passed to it; a `--` of the server's ends them. */
export function describeServerOptions(args: readonly string[]): string | undefined {
  const ours = new Set(listOptions().map(([key]) => `--${flagName(key)}`));
  const end = args.indexOf("--");
  const names = args.slice(0, end === -1 ? args.length : end).map((word) => word.split("=")[0] ?? "");
  const found = [...new Set(names.filter((name) => ours.has(name)))];
  if (found.length === 0) return undefined;
  const list = [found.slice(0, -1).join(", "), found.at(-1)].filter(Boolean).join(" and ");
  return `${list} went to the server; options of ${NAME} come before it.`;
}

/** Warnings about variables that look like ours and have no effect. */
export function warnOfUnknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const options = listOptions().filter(([, option]) => mayComeFrom(option, "environment"));
  const shown = [...options.map(([key]) => variableName(key)), PASSWORD];
  const known = new Set([...shown, ...INTERNAL]);
  const unknown = Object.keys(env).filter((name) => name.startsWith(PREFIX) && env[name] && !known.has(name));
  return unknown.map((name) => {
    // The common prefix would make all of them look alike.
    const meant = suggestName(
      name.slice(PREFIX.length),
      shown.map((each) => each.slice(PREFIX.length)),
    );
    const hint =
      meant === undefined ? "See mcp-expose --help for the options." : `Did you mean ${PREFIX}${meant}?`;
    return `The variable "${name}" is unknown and has no effect. ${hint}`;
  });
}

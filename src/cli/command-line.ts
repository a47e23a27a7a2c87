// Splits the command line: our options, then the server, then the server's own arguments, which are never changed.
// citty accepts unknown flags and takes a server's `--help` for ours, so it never sees this; Node's parser only cuts the
// line into tokens, and their meaning is decided here.
import { parseArgs } from "node:util";
import {
  type CommandName,
  COMMANDS,
  explainReserved,
  NAMED_COMMANDS,
  suggestCommand,
} from "../config/command-names.ts";
import type { Flag } from "../config/merge.ts";
import { flagName, mayComeFrom, type Option } from "../config/option.ts";
import { listOptions, type OptionKey, OPTIONS, optionsOf } from "../config/options.ts";
import type { NamedServer } from "../config/server-spec.ts";
import { suggestName } from "../config/suggestion.ts";
import { UserError } from "../errors.ts";
import { NAME } from "../version.ts";
import { printable } from "../printable.ts";

export interface CommandLine {
  command: CommandName;
  flags: readonly Flag[];
  /** The arguments after the name of a command other than `run`. */
  args: readonly string[];
  /** Absent when no server is named. */
  server?: NamedServer;
}

/** @throws {UserError} exit code 2: an unknown flag, a flag without its value, or one given twice */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const start = tokenize(argv).find(({ kind }) => kind !== "option")?.index ?? argv.length;
  const [first, ...rest] = argv.slice(start);
  if (first === "help") return requestText("help", rest[0]);
  if (first === "version") return requestText("version");
  const command = NAMED_COMMANDS.find((name) => name === first);
  if (command === undefined) {
    const flags = readFlags(tokenize(argv.slice(0, start)), "run");
    const server = readServer(argv.slice(start));
    refuseGlobAsServer(flags, server);
    return { command: "run", flags, args: [], ...(server === undefined ? {} : { server }) };
  }
  const tokens = tokenize(argv.toSpliced(start, 1));
  const args = tokens.flatMap((token) => (token.kind === "positional" ? [token.value] : []));
  return { command, flags: readFlags(tokens, command), args };
}

/** The word behind a bare `--watch` is the server, and no server is called `*.ts`. */
function refuseGlobAsServer(flags: readonly Flag[], server: NamedServer | undefined): void {
  const { from, key, text } = flags.at(-1) ?? {};
  if (key !== "watch" || text !== OPTIONS.watch.kind.bare || server === undefined || server.literal) return;
  if (/[*{?]/.test(server.command))
    throw new UserError(
      `${from} takes its glob behind "=".`,
      `Use ${from}='${printable(server.command)}', and put the server behind it.`,
    );
}

/** The words `help` and `version` do the same as the switches. */
function requestText(key: "help" | "version", topic = "run"): CommandLine {
  const command = COMMANDS.find((name) => name === topic);
  if (command !== undefined) return { command, flags: [{ key, from: key, text: "1" }], args: [] };
  const meant = suggestCommand(topic);
  throw new UserError(
    `There is no help on "${printable(topic)}".`,
    meant === undefined ? `See ${NAME} --help` : `Did you mean "${meant} --help"?`,
  );
}

/** Whether a switch such as `--help` was given. */
export function hasFlag({ flags }: CommandLine, key: OptionKey): boolean {
  return flags.some((flag) => flag.key === key);
}

function readServer(argv: readonly string[]): NamedServer | undefined {
  const literal = argv[0] === "--";
  const [command, ...args] = literal ? argv.slice(1) : argv;
  if (command === undefined || command === "") return undefined;
  if (literal) return { command, args, literal };
  const reserved = explainReserved(command);
  if (reserved !== undefined) throw new UserError(reserved.message, reserved.hint);
  const meant = suggestCommand(command);
  return { command, args, literal, ...(meant !== undefined && { meant }) };
}

type ArgvToken = ReturnType<typeof tokenize>[number];
type OptionToken = Extract<ArgvToken, { kind: "option" }>;

function tokenize(argv: readonly string[]) {
  const options = listOptions().map(
    ([key, { kind, short }]): [string, { type: "string" | "boolean"; short?: string }] => [
      flagName(key),
      {
        type: kind.placeholder === undefined || kind.bare !== undefined ? "boolean" : "string",
        ...(short === undefined ? {} : { short }),
      },
    ],
  );
  return parseArgs({
    args: [...argv],
    options: Object.fromEntries(options),
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;
}

function readFlags(tokens: readonly ArgvToken[], command: CommandName): Flag[] {
  const given = tokens.filter((token) => token.kind === "option");
  // Help is given whatever else is wrong with the line.
  const help = given.find(({ name }) => name === "help");
  if (help !== undefined) return [{ key: "help", from: help.rawName, text: "1" }];
  const flags: Flag[] = [];
  for (const token of given) {
    const [key, option] = findOption(token, command);
    if (isRepeated(key, option, flags))
      throw new UserError(`${token.rawName} is given twice.`, "Leave one of the two out.");
    flags.push({ key, from: token.rawName, text: readText(token, option) });
  }
  return flags;
}

function isRepeated(key: OptionKey, { kind, many }: Option, flags: readonly Flag[]): boolean {
  return many === undefined && kind.placeholder !== undefined && flags.some((flag) => flag.key === key);
}

function findOption({ name, rawName }: OptionToken, command: CommandName): [OptionKey, Option] {
  const options = optionsOf(command).filter(([, option]) => mayComeFrom(option, "flag"));
  const found = options.find(([key]) => flagName(key) === name);
  if (found !== undefined) return found;
  const elsewhere = listOptions().some(([key]) => flagName(key) === name);
  if (elsewhere)
    throw new UserError(
      `${rawName} is not an option of ${NAME} ${command}.`,
      `See ${NAME} ${command} --help`,
    );
  const shown = options.filter(([, { group }]) => group !== undefined).map(([key]) => flagName(key));
  const meant = rawName.startsWith("--") ? suggestName(name, shown) : undefined;
  throw new UserError(
    `Unknown option "${printable(rawName)}".`,
    meant === undefined
      ? `See ${NAME} --help. The server's own options go after the server.`
      : `Did you mean --${meant}?`,
  );
}

function readText({ rawName, value, inlineValue }: OptionToken, { kind }: Option): string {
  if (kind.placeholder === undefined) {
    if (value !== undefined) throw new UserError(`${rawName} takes no value.`, `Use ${rawName} alone.`);
    return "1";
  }
  if (value === undefined && kind.bare !== undefined) return kind.bare;
  if (value === undefined || value === "") throw new UserError(`${rawName} needs a value.`, kind.hint);
  if (!inlineValue && value.startsWith("-"))
    throw new UserError(
      `${rawName} needs a value.`,
      `Use "=" for a value that begins with "-": ${rawName}=-…`,
    );
  return value;
}

// The help texts, made of the table of options: examples first, then the options in groups, one to a line.
import type { CommandName } from "../config/command-names.ts";
import { describeDefault, flagName, type Option } from "../config/option.ts";
import { type OptionKey, optionsOf } from "../config/options.ts";
import { NAME, VERSION } from "../version.ts";
import type { Style } from "./style.ts";
import { wrap } from "./wrap.ts";

const INDENT = "  ";
const WIDTH = 80;

interface About {
  /** Follows the name of the command. */
  summary: string;
  examples: [line: string, note: string][];
  usage: string[];
  /** The last paragraph. */
  more?: string;
}

const GRANTS_USAGE = `${NAME} grants list | revoke <id> | revoke --all`;
const HASH_USAGE = `${NAME} hash-password [name]`;

const ABOUT: Record<CommandName, About> = {
  run: {
    summary: "puts a local stdio MCP server on the internet, behind a sign-in",
    examples: [
      [`${NAME} ./server.js --verbose`, "A file or folder, then its own options"],
      [`${NAME} --watch ./server.js`, "Restarts it when you save"],
      [`${NAME} npx -y @my-org/my-server`, "Any command on your PATH"],
      [`${NAME} -- docker run -i mcp/time`, "After --, the command is run as it is"],
      [`${NAME} --tunnel none ./server.py`, "On this machine only, without a tunnel"],
      [`${NAME} --user alice ./server.py`, "Sign-in with a password, not a token"],
    ],
    usage: [`${NAME} [options] <server> [server options]`, GRANTS_USAGE, HASH_USAGE],
    more:
      "Every option can also be set by a variable (--public-url: MCP_EXPOSE_PUBLIC_URL) or in " +
      "mcp-oauth.config.ts (publicUrl). Options win over variables, variables over the file.",
  },
  grants: {
    summary: "shows who has access, and revokes it while the server runs",
    examples: [
      [`${NAME} grants list`, "Who has access, with which client"],
      [`${NAME} grants revoke 3f9a2c71`, "Ends one grant; the first digits will do"],
      [`${NAME} grants revoke --all`, "Ends every grant"],
    ],
    usage: [GRANTS_USAGE],
  },
  "hash-password": {
    summary: "prints the hash of a password for the config file",
    examples: [
      [`${NAME} hash-password alice`, "Asks for the password without echo"],
      [`${NAME} hash-password < password.txt`, "Reads the first line"],
    ],
    usage: [HASH_USAGE],
  },
};

/** What `--help` prints: at most 80 columns wide. */
export function renderHelp(command: CommandName, style: Style): string {
  const { summary, more } = ABOUT[command];
  const title = command === "run" ? `${NAME} ${VERSION}` : `${NAME} ${command}`;
  return [
    `${style.bold(title)} ${summary}`,
    "",
    style.bold("Examples:"),
    ...renderExamples(command, style),
    "",
    ...renderUsageLines(command),
    "",
    ...renderOptions(command, style),
    ...(more === undefined ? [] : [style.dim(wrap(more, WIDTH)), ""]),
  ].join("\n");
}

/** What is shown when no server is named. */
export function renderUsage(): string {
  const examples = ABOUT.run.examples.map(([line]) => `${INDENT}${line}`);
  return [...renderUsageLines("run"), "", "Examples:", ...examples, "", `All options: ${NAME} --help`].join(
    "\n",
  );
}

function renderExamples(command: CommandName, style: Style): string[] {
  const { examples } = ABOUT[command];
  const width = Math.max(...examples.map(([line]) => line.length));
  return examples.map(([line, note]) => `${INDENT}${line.padEnd(width)}  ${style.dim(note)}`);
}

function renderUsageLines(command: CommandName): string[] {
  return ABOUT[command].usage.map((line, index) => `${index === 0 ? "Usage:" : "      "} ${line}`);
}

/** Each group is followed by an empty line. */
function renderOptions(command: CommandName, style: Style): string[] {
  const options = optionsOf(command).filter(([, { group }]) => group !== undefined);
  const width = Math.max(...options.map(([key, option]) => renderFlag(key, option).length));
  // A command with few options does without their headings.
  const groups = Map.groupBy(options, ([, { group }]) => (command === "run" ? group : "Options"));
  return [...groups].flatMap(([group, members]) => [
    style.bold(`${group}:`),
    ...members.map(([key, option]) => renderOption(renderFlag(key, option).padEnd(width), option, style)),
    "",
  ]);
}

function renderOption(flag: string, option: Option, style: Style): string {
  const preset = describeDefault(option);
  const { values } = option.kind;
  const text = [
    values === undefined ? option.help : `${option.help}: ${values.join(", ")}`,
    ...(option.many === undefined ? [] : ["(repeatable)"]),
    ...(preset === undefined ? [] : [`[${preset}]`]),
  ].join(" ");
  const indent = INDENT.length + flag.length + 2;
  const wrapped = wrap(text, WIDTH, indent);
  return `${INDENT}${flag}  ${preset === undefined ? wrapped : wrapped.replace(/\[[^\]]*\]$/, style.dim)}`;
}

function renderFlag(key: OptionKey, { short, kind: { placeholder, bare } }: Option): string {
  const value = placeholder === undefined ? "" : bare === undefined ? ` ${placeholder}` : `[=${placeholder}]`;
  const long = `--${flagName(key)}${value}`;
  return short === undefined ? long : `-${short}, ${long}`;
}

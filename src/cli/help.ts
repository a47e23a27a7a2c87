// The help texts, made of the table of options: grouped, on one screen, examples first.
import { type CommandName, flagName, type Option, type OptionKey, optionsOf } from "../config/options.ts";
import { NAME, VERSION } from "../version.ts";
import type { Style } from "./style.ts";

const INDENT = "  ";
const ELSEWHERE =
  "Each option is also MCP_EXPOSE_<OPTION>, and a camelCase key of the config file; flags win.";

const ABOUT: Record<
  CommandName,
  { summary: string; examples: [line: string, note: string][]; usage: string[] }
> = {
  run: {
    summary: "puts a local stdio MCP server on the internet, behind a login",
    examples: [
      [`${NAME} ./server.js --verbose`, "a file or a folder; behind it, its own options"],
      [`${NAME} npx -y @my-org/my-server`, "anything on PATH: npx, uvx, docker, …"],
      [`${NAME} --tunnel none -- docker run -i mcp/time`, "all behind -- is the command, untouched"],
    ],
    usage: [
      `${NAME} [options] <server> [args…]`,
      `${NAME} grants list | revoke <id> | revoke --all`,
      `${NAME} hash-password [name]`,
    ],
  },
  grants: {
    summary: "shows who has access, and takes it away; also while the server runs",
    examples: [
      [`${NAME} grants list`, "who may use the server, through which client"],
      [`${NAME} grants revoke 3f9a2c71`, "ends one grant; the start of its id will do"],
      [`${NAME} grants revoke --all`, "ends all of them"],
    ],
    usage: [`${NAME} grants list | revoke <id> | revoke --all  [options]`],
  },
  "hash-password": {
    summary: "asks for a password and prints its hash for the config file",
    examples: [
      [`${NAME} hash-password alice`, "asks on the terminal, without echo"],
      [`${NAME} hash-password < password.txt`, "takes the first line"],
    ],
    usage: [`${NAME} hash-password [name]`],
  },
};

/** What `--help` prints: at most 100 columns wide. */
export function renderHelp(command: CommandName, style: Style): string {
  const { summary, examples, usage } = ABOUT[command];
  const width = Math.max(...examples.map(([line]) => line.length));
  return [
    `${style.bold(command === "run" ? `${NAME} ${VERSION}` : `${NAME} ${command}`)} ${summary}`,
    "",
    ...examples.map(([line, note]) => `${INDENT}${line.padEnd(width)}  ${style.dim(note)}`.trimEnd()),
    "",
    ...usage.map((line, index) => `${index === 0 ? "Usage:" : "      "} ${line}`),
    "",
    ...renderOptions(command, style),
    ...(command === "run" ? [style.dim(ELSEWHERE)] : []),
    "",
  ].join("\n");
}

/** What is shown to somebody who named no server. */
export function renderUsage(): string {
  const { usage, examples } = ABOUT.run;
  return [
    ...usage.map((line, index) => `${index === 0 ? "Usage:" : "      "} ${line}`),
    "",
    "Examples:",
    ...examples.map(([line]) => `${INDENT}${line}`),
    "",
    `All options: ${NAME} --help`,
  ].join("\n");
}

interface Row {
  group: string;
  flags: string;
  help: string;
}

function renderOptions(command: CommandName, style: Style): string[] {
  const rows = listRows(optionsOf(command), style);
  const width = Math.max(...rows.map(({ flags }) => flags.length));
  const groups = [...new Set(rows.map(({ group }) => group))];
  return groups.flatMap((group) => [
    style.bold(group),
    ...rows
      .filter((row) => row.group === group)
      .map(({ flags, help }) => `${INDENT}${flags.padEnd(width)}  ${help}`.trimEnd()),
  ]);
}

function listRows(options: readonly [OptionKey, Option][], style: Style): Row[] {
  const rows: Row[] = [];
  for (const [key, option] of options) {
    const { group, help, beside, default: preset } = option;
    const last = rows.at(-1);
    if (group === undefined) continue;
    if (beside && last !== undefined) last.flags += `, ${renderFlag(key, option)}`;
    else rows.push({ group, flags: renderFlag(key, option), help: joinHelp(help, preset, style) });
  }
  return rows;
}

function renderFlag(key: OptionKey, { short, kind: { placeholder } }: Option): string {
  const long = `--${flagName(key)}${placeholder === undefined ? "" : ` ${placeholder}`}`;
  return short === undefined ? long : `-${short}, ${long}`;
}

function joinHelp(help: string, preset: string | undefined, style: Style): string {
  return [help, preset === undefined ? "" : style.dim(`[${preset}]`)].filter(Boolean).join(" ");
}

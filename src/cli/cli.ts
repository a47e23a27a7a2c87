// From the arguments of the command line to an exit status. Commands are loaded when they are called: `--version` is quick.
import type { CommandDef } from "citty";
import { toFailedEvent } from "../app/event.ts";
import type { CommandName } from "../config/command-names.ts";
import { UserError } from "../errors.ts";
import { NAME, VERSION } from "../version.ts";
import { type CommandLine, hasFlag, readCommandLine } from "./command-line.ts";
import { wantsJson } from "./failure.ts";
import { renderHelp } from "./help.ts";
import type { CliIO } from "./io.ts";
import { createStyle, wantsColor } from "./style.ts";
import { printableText, toJsonLine } from "../printable.ts";

const LOAD: Record<CommandName, (line: CommandLine, io: CliIO) => Promise<CommandDef>> = {
  run: async (line, io) => (await import("./run.ts")).createRun(line, io),
  grants: async (line, io) => (await import("./grants-command.ts")).createGrantsCommand(line, io),
  "hash-password": async (_, io) => (await import("./hash-password.ts")).createHashPassword(io),
};

/**
 * Runs one command line to its end. Never throws.
 *
 * @returns the exit status: 0; 2 for bad input; 1 for a start that failed; 70 for a bug (sysexits EX_SOFTWARE)
 */
export async function runCli(given: CliIO): Promise<number> {
  let isSilent = true;
  const write = (text: string) => {
    isSilent = false;
    given.stdout.write(text);
  };
  const io = { ...given, stdout: { ...given.stdout, write } };
  try {
    const line = readCommandLine(io.argv);
    if (hasFlag(line, "help"))
      return print(io, renderHelp(line.command, createStyle(wantsColor(io.stdout, io.env))));
    if (hasFlag(line, "version")) return print(io, `${VERSION}\n`);
    const { runCommand } = await import("citty");
    const { result } = await runCommand(await LOAD[line.command](line, io), { rawArgs: [...line.args] });
    return typeof result === "number" ? result : 0;
  } catch (thrown) {
    const [word = ""] = io.argv;
    if (isSilent && !(word in LOAD) && wantsJson(io.argv, io.env))
      write(`${toJsonLine(toFailedEvent(thrown))}\n`);
    return explain(thrown, io);
  }
}

function indent(text: string): string {
  return text.trimEnd().replace(/^(?=.)/gm, "  ");
}

function print({ stdout }: CliIO, text: string): number {
  stdout.write(text);
  return 0;
}

function explain(thrown: unknown, { stderr }: CliIO): number {
  if (thrown instanceof UserError) {
    const text = `${NAME}: ${thrown.message}\n${thrown.hint === undefined ? "" : `${indent(thrown.hint)}\n`}`;
    stderr.write(printableText(text));
    return thrown.exitCode;
  }
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  stderr.write(
    `This is a bug in ${NAME} ${VERSION}. Please report it with these lines:\n${printableText(stack)}\n`,
  );
  return 70;
}

// The words that are commands at the beginning of a command line, now or later. None of them is ever a program to run, so
// that a command line does the same whatever is on PATH.
import { NAME } from "../version.ts";
import { suggestName } from "./suggestion.ts";

/** `run` has no name on the command line: it is what happens without one. */
export const COMMANDS = ["run", "grants", "hash-password"] as const;
export type CommandName = (typeof COMMANDS)[number];
/** Commands that are called by name. */
export const NAMED_COMMANDS = COMMANDS.filter((name) => name !== "run");

const WORDS = [...NAMED_COMMANDS, "help", "version"];
const RESERVED = ["grant", "init", "check", "completion"];

/** @returns why `word` is not run, and what to write instead; undefined for any other word */
export function explainReserved(word: string): { message: string; hint: string } | undefined {
  if (!RESERVED.includes(word)) return undefined;
  const meant = suggestCommand(word);
  const literal = `${NAME} -- ${word}`;
  return {
    message: `"${word}" is not a command of ${NAME}.`,
    hint:
      meant === undefined
        ? `To run a program of that name: ${literal} or ./${word}`
        : `Did you mean "${meant}"? To run a program of that name: ${literal}`,
  };
}

/** The command that is nearly called like this. */
export function suggestCommand(word: string): string | undefined {
  const command = suggestName(word, WORDS);
  return command === undefined ? undefined : `${NAME} ${command}`;
}

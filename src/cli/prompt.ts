// Asks for a password on the terminal without showing it. The prompt goes to stderr, since stdout is for results.
import { UserError } from "../errors.ts";
import type { CliIO } from "./io.ts";

type PromptIO = Pick<CliIO, "stdin" | "stderr" | "raise">;

const ENTER = new Set(["\r", "\n"]);
const ERASE = new Set(["\x7f", "\b"]);
const INTERRUPT = "\x03";
const END = "\x04";
const KILL_LINE = "\x15";
/** Arrow keys and bracketed paste send sequences (ECMA-48 §5.4) that are not part of a password. */
const SEQUENCE = new RegExp(String.raw`\x1b(?:\[[\d;?]*[ -/]*[@-~]|O.)`, "g");

/**
 * Reads one line from the terminal with echo off. Ctrl+C ends the program as usual.
 *
 * @throws {UserError} Ctrl+D on an empty line
 */
export async function askHidden(
  question: string,
  { stdin: input, stderr, raise }: PromptIO,
): Promise<string> {
  const stdin = input.open();
  // Echo goes off before the question shows, since people may type at once.
  stdin.setRawMode(true);
  stderr.write(`${question}: `);
  const typed = await readHidden(stdin);
  stdin.setRawMode(false);
  stdin.pause();
  stderr.write("\n");
  if (typed === "interrupted") {
    raise("SIGINT");
    return new Promise(() => {});
  }
  if (typed === "ended") throw new UserError("No password was given.", "Start again and type one.");
  return typed.line;
}

function readHidden(stdin: NodeJS.ReadStream): Promise<{ line: string } | "interrupted" | "ended"> {
  return new Promise((resolve) => {
    const finish = (typed: { line: string } | "interrupted" | "ended") => {
      stdin.off("data", read);
      stdin.off("end", end);
      resolve(typed);
    };
    const end = () => finish("ended");
    let line: string[] = [];
    const read = (chunk: Buffer) => {
      for (const key of chunk.toString("utf8").replace(SEQUENCE, "")) {
        if (key === INTERRUPT) return finish("interrupted");
        if (key === END && line.length === 0) return finish("ended");
        if (ENTER.has(key)) return finish({ line: line.join("") });
        if (ERASE.has(key)) line.pop();
        else if (key === KILL_LINE) line = [];
        else if (key >= " ") line.push(key);
      }
    };
    stdin.on("data", read);
    stdin.once("end", end);
    stdin.resume();
  });
}

/** The first line of a pipe or file. */
export async function readPiped(stdin: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.includes("\n")) break;
  }
  return text.split(/\r?\n/)[0] ?? "";
}

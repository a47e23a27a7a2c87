// Text for people: every line goes to stderr through here, and registered secrets are removed. Foreign text is made
// printable where it is put into a line; if that was forgotten, it still cannot begin a line that looks like ours.
import { createConsola } from "consola/core";
import { printableText } from "./printable.ts";

export type LogLevel = "quiet" | "normal" | "verbose";

export interface Log {
  /** Shown unless `--quiet`. */
  info(line: string): void;
  /** A step has succeeded: the tunnel is up, the server has answered. */
  success(line: string): void;
  /** Shown always. */
  warn(line: string): void;
  /** Shown always. */
  error(line: string): void;
  /** Shown with `--verbose`: why a request was refused, what a child did. */
  debug(line: string): void;
  /** A line without an icon: what the wrapped server wrote to stderr. */
  plain(line: string): void;
  /** The same with colours of ours; everything else in it must be `printable`. */
  styled(line: string): void;
  /** From now on `value` is shown as `[redacted]`, wherever it occurs. Values under 6 characters are not redacted. */
  redact(value: string): void;
}

const LEVEL = { quiet: 1, normal: 3, verbose: 4 } as const;
const MINIMUM_SECRET = 6;
/** The second and later lines of a text are indented to stand under the first. */
const CONTINUED = "\n  ";
const MARK: Record<string, { sign: string; color: string }> = {
  info: { sign: "·", color: "36" },
  success: { sign: "✓", color: "32" },
  warn: { sign: "!", color: "33" },
  error: { sign: "✗", color: "31" },
  debug: { sign: "…", color: "90" },
};

export interface LogOptions {
  level: LogLevel;
  /** Where finished text goes; normally `process.stderr.write`. */
  write(text: string): void;
  color: boolean;
}

export function createLog({ level, write, color }: LogOptions): Log {
  const secrets = new Set<string>();
  const hide = (text: string) => {
    for (const secret of secrets) text = text.replaceAll(secret, "[redacted]");
    return text;
  };
  const show = (text: string) => hide(printableText(text)).replaceAll("\n", CONTINUED);
  const consola = createConsola({
    level: LEVEL[level],
    reporters: [
      {
        log({ type, args }) {
          const mark = MARK[type] ?? { sign: " ", color: "0" };
          const sign = color ? `\x1b[${mark.color}m${mark.sign}\x1b[0m` : mark.sign;
          write(`${sign} ${show(args.join(" "))}\n`);
        },
      },
    ],
  });
  return {
    info: (line) => consola.info(line),
    success: (line) => consola.success(line),
    warn: (line) => consola.warn(line),
    error: (line) => consola.error(line),
    debug: (line) => consola.debug(line),
    plain: (line) => {
      if (level !== "quiet") write(`${show(line)}\n`);
    },
    styled: (line) => {
      if (level !== "quiet") write(`${hide(line)}\n`);
    },
    redact: (value) => {
      if (value.length >= MINIMUM_SECRET) secrets.add(value);
    },
  };
}

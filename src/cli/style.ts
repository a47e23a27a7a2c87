// Colors for terminals that want them (https://no-color.org).
import type { Output } from "./io.ts";

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  accent(text: string): string;
}

export function wantsColor(output: Output, env: Readonly<Record<string, string | undefined>>): boolean {
  return output.isTTY && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

export function createStyle(color: boolean): Style {
  const paint = (code: number, end: number) => (text: string) =>
    color ? `\x1b[${code}m${text}\x1b[${end}m` : text;
  return { bold: paint(1, 22), dim: paint(2, 22), accent: paint(36, 39) };
}

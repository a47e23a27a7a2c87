// What an entry in the table of options says, and the names that follow from its key.
import type { CommandName } from "./command-names.ts";
import type { Kind } from "./kinds.ts";

export type OptionSource = "flag" | "environment" | "file";

export interface Option {
  kind: Kind<unknown>;
  /** The heading it stands under in the help; without one it is not shown. */
  group?: string;
  /** What it is for, without a full stop. The choices, the default and "repeatable" are added to it. */
  help: string;
  /** One letter: `p` for `-p`. */
  short?: string;
  /** What holds when it is not given, as `Config` has it. */
  default?: string | number | boolean | null | readonly string[];
  /** For the help text, where the default is computed. */
  defaultText?: string;
  /** May be given more than once; this divides the entries in an environment variable. */
  many?: RegExp;
  /** Entries of every source count, the strongest source last; otherwise the strongest source wins. */
  adds?: true;
  /** Never shown in a message. */
  secret?: true;
  /** Read by code of its own. All other options are in `Config` as they are, under the same name. */
  custom?: true;
  /** Commands that take it; `run` alone if absent. */
  commands?: readonly CommandName[];
  /** Where it may be set; everywhere if absent. */
  sources?: readonly OptionSource[];
}

/** What an option's value is once read: a list where it may be repeated. */
export type ValueOf<O> = O extends { kind: Kind<infer T>; many: RegExp }
  ? readonly T[]
  : O extends { kind: Kind<infer T> }
    ? T
    : never;

export function mayComeFrom(option: Option, source: OptionSource): boolean {
  return option.sources?.includes(source) ?? true;
}

/** The default as people would write it; undefined for an empty list, a switch that is off, or no default. */
export function describeDefault({ kind, default: value, defaultText }: Option): string | undefined {
  if (defaultText !== undefined) return defaultText;
  if (value === undefined || value === null || value === false || typeof value === "object") return undefined;
  return kind.format === undefined ? String(value) : kind.format(value);
}

/** `publicUrl` → `public-url` */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `publicUrl` → `MCP_EXPOSE_PUBLIC_URL` */
export function variableName(key: string): string {
  return `MCP_EXPOSE_${flagName(key).replaceAll("-", "_").toUpperCase()}`;
}

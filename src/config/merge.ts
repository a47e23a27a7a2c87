// Precedence: flag, environment, config file; defaults come later, in resolve.ts.
// Every value remembers where it came from, so that a message can name what to change.
import { inspect } from "node:util";
import { UserError } from "../errors.ts";
import { printable } from "../printable.ts";
import { BadValue } from "./kinds.ts";
import type { LoadedFile } from "./load-file.ts";
import type { CommandName } from "./command-names.ts";
import { mayComeFrom, type Option, type ValueOf, variableName } from "./option.ts";
import { type OptionKey, optionsOf, type OptionTable } from "./options.ts";

export interface Setting<T> {
  value: T;
  /** `--port`, `MCP_EXPOSE_PORT` or `port in mcp-oauth.config.ts`. */
  from: string;
}

export type Settings = { [K in OptionKey]?: Setting<ValueOf<OptionTable[K]>> };

/** An option as it stood on the command line. */
export interface Flag {
  key: OptionKey;
  /** `--port`, or `-p` */
  from: string;
  text: string;
}

export interface SettingSources {
  command: CommandName;
  flags: readonly Flag[];
  env: Readonly<Record<string, string | undefined>>;
  file?: LoadedFile | undefined;
  /** What relative paths in flags and variables start from, absolute. */
  cwd: string;
}

interface RawValue {
  raw: unknown;
  from: string;
  folder: string;
}

/** @throws {UserError} a value is of the wrong kind */
export function mergeSettings(sources: SettingSources): Settings {
  const settings: Partial<Record<OptionKey, Setting<unknown>>> = {};
  for (const [key, option] of optionsOf(sources.command)) {
    const layers = [
      readFile(key, option, sources),
      readEnvironment(key, option, sources),
      readFlags(key, sources),
    ];
    const entries = option.adds ? layers.flat() : layers.findLast((layer) => layer.length > 0);
    const last = entries?.at(-1);
    if (entries === undefined || last === undefined) continue;
    const values = entries.map((entry) => readValue(option, entry));
    settings[key] = { value: option.many ? values : values.at(-1), from: last.from };
  }
  return settings as Settings;
}

function readFlags(key: OptionKey, { flags, cwd }: SettingSources): RawValue[] {
  return flags.filter((flag) => flag.key === key).map(({ text, from }) => ({ raw: text, from, folder: cwd }));
}

/** An empty variable counts as absent, as it does in compose files and CI settings. */
function readEnvironment(key: OptionKey, option: Option, { env, cwd }: SettingSources): RawValue[] {
  const from = variableName(key);
  const text = env[from];
  if (!text || !mayComeFrom(option, "environment")) return [];
  const texts = option.many ? text.split(option.many).map((part) => part.trim()) : [text];
  return texts.filter((part) => part !== "").map((raw) => ({ raw, from, folder: cwd }));
}

function readFile(key: OptionKey, option: Option, { file }: SettingSources): RawValue[] {
  const raw = file?.values[key as keyof typeof file.values] as unknown;
  if (file === undefined || raw === undefined || !mayComeFrom(option, "file")) return [];
  const { name, folder } = file;
  if (option.kind.inFile === "variables") {
    if (typeof raw !== "object" || raw === null || Array.isArray(raw))
      throw new UserError(`${key} in ${name} is not a set of variables.`, 'Use { NAME: "value" }.');
    return Object.entries(raw).map(([variable, value]) => readVariable(variable, value, file));
  }
  if (option.many && Array.isArray(raw))
    return raw.map((item: unknown, index) => ({ raw: item, from: `${key}[${index}] in ${name}`, folder }));
  return [{ raw, from: `${key} in ${name}`, folder }];
}

function readVariable(variable: string, value: unknown, { name, folder }: LoadedFile): RawValue {
  const from = `env.${variable} in ${name}`;
  if (!["string", "number", "boolean"].includes(typeof value))
    throw new UserError(`${from} is not a text.`, "Use a text in quotes, or remove the key.");
  return { raw: `${variable}=${String(value)}`, from, folder };
}

function readValue(option: Option, { raw, from, folder }: RawValue): unknown {
  const { kind } = option;
  const shown = option.secret
    ? "the value"
    : typeof raw === "string"
      ? quote(raw)
      : inspect(raw, { depth: 0 });
  try {
    const isNative = typeof raw === "string" || kind.inFile.split(" | ").includes(typeof raw);
    const text = isNative ? String(raw) : undefined;
    const value = text === undefined ? undefined : kind.read(text, folder);
    if (value !== undefined) return value;
  } catch (thrown) {
    if (!(thrown instanceof BadValue)) throw thrown;
    throw new UserError(`${from}: ${shown} ${thrown.problem}.`, thrown.hint);
  }
  throw new UserError(`${from}: ${shown} is not ${kind.noun}.`, kind.hint);
}

/** For a message. */
function quote(text: string): string {
  return `"${printable(text, 80)}"`;
}

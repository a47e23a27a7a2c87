// What a config file may say of the options, derived from their table: as a type, and as text for the declarations that
// are published, which import nothing. test/config/file-options.test.ts holds the two together.
import type { FileTypes, Kind } from "./kinds.ts";
import { describeDefault, mayComeFrom, type Option } from "./option.ts";
import { listOptions, type OptionTable } from "./options.ts";

type IsInFile<O> = O extends { sources: readonly (infer S)[] } ? ("file" extends S ? true : false) : true;

type FileValue<O> = O extends { kind: Kind<infer T, infer F> } ? FileTypes<T>[F] : never;

/** A map of variables holds many as it is. */
type FileEntry<O> = O extends { many: RegExp; kind: Kind<unknown, "string" | "boolean | string"> }
  ? FileValue<O> | readonly Extract<FileValue<O>, string>[]
  : FileValue<O>;

export type FileOptions = {
  -readonly [K in keyof OptionTable as IsInFile<OptionTable[K]> extends true ? K : never]?: FileEntry<
    OptionTable[K]
  >;
};

/** The same as a declaration. */
export function printFileOptions(): string {
  const options = listOptions().filter(([, option]) => mayComeFrom(option, "file"));
  const members = options.map(
    ([key, option]) => `  /** ${describe(option)} */\n  ${key}?: ${printType(option)};\n`,
  );
  return `interface FileOptions {\n${members.join("")}}\n`;
}

function describe(option: Option): string {
  const preset = describeDefault(option);
  return `${option.help}.${preset === undefined ? "" : ` Default: ${preset}.`}`;
}

function printType({ kind, many }: Option): string {
  const { inFile, values = [] } = kind;
  if (inFile === "variables") return "Readonly<Record<string, string | number | boolean>>";
  const one = inFile === "choice" ? values.map((value) => JSON.stringify(value)).join(" | ") : inFile;
  return many === undefined ? one : `${one} | readonly string[]`;
}

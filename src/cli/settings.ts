// The settings of one command: flags, environment, and the config file that one of these may name.
import { findConfigFile, type LoadedFile, loadConfigFile } from "../config/load-file.ts";
import { mergeSettings, type Settings } from "../config/merge.ts";
import type { CommandLine } from "./command-line.ts";
import type { CliIO } from "./io.ts";

/** @throws {UserError} a value of the wrong kind, or a config file that cannot be used */
export async function readSettings(
  { command, flags }: CommandLine,
  { env, cwd }: Pick<CliIO, "env" | "cwd">,
): Promise<{ settings: Settings; file: LoadedFile | undefined }> {
  const given = mergeSettings({ command, flags, env, cwd });
  const named = given.config?.value;
  const path = named ?? findConfigFile(cwd);
  const isFound = named === undefined;
  const file = path === undefined ? undefined : await loadConfigFile(path, cwd, undefined, isFound);
  return { file, settings: file === undefined ? given : mergeSettings({ command, flags, env, cwd, file }) };
}

// The package's public face: what `import { defineConfig } from "mcp-expose"` gives a config file.
// It runs nothing else, and scripts/build.ts writes the options' types into its declaration file, so that both stand alone.
import type { FileOptions } from "./file-options.ts";

/** What a config file may say. Flags and `MCP_EXPOSE_…` variables win over it; relative paths start from its folder. */
export interface ConfigFile extends FileOptions {
  /** The server to run when the command line names none: a path or a command, or a list with its arguments. */
  server?: string | readonly [command: string, ...args: string[]];
  /** Users who may approve a connection; `mcp-expose hash-password` prints the hashes. */
  users?: readonly { name: string; passwordHash: string }[];
  /** What ngrok does with traffic before it comes here. */
  ngrok?: {
    /** https://ngrok.com/docs/traffic-policy: an object, its YAML or JSON text, or the path of a file. */
    trafficPolicy?: string | Readonly<Record<string, unknown>>;
    /** CIDR blocks for `only`, instead of those that the assistant's maker publishes. */
    ranges?: { chatgpt?: readonly string[]; claude?: readonly string[] };
  };
  /**
   * Parts of what the server offers that a person can grant or leave out: a scope's name, and the tools it opens, the
   * least first. A tool that no scope opens needs none; one that several open needs one of them.
   */
  scopes?: Readonly<Record<string, ToolScope>>;
}

/** The tools a scope opens: those it names, and those whose annotations fit and that no scope names. */
export interface ToolScope {
  /** What the approval page says it is for, such as `Change files`. */
  description?: string;
  /** Names; `*` stands for any text. */
  tools?: readonly string[];
  /** Tools that say they only read, or those that do not say so. */
  readOnlyHint?: boolean;
  /** Tools that may destroy, or those that say they only add. */
  destructiveHint?: boolean;
}

/** Returns `config` as it is; editors complete and check it. */
export function defineConfig(config: ConfigFile): ConfigFile {
  return config;
}

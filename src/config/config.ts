// Everything a run depends on, after flags, environment, config file and defaults have been merged.
// Durations are milliseconds, sizes bytes.
import type { ToolScopeTable } from "../oauth/access/tool-scopes.ts";
import type { Assistant } from "../tunnel/assistant-addresses.ts";
import type { WatchedGlob } from "../watch/glob-selection.ts";
import type { TunnelKind } from "./choices.ts";
import type { ValueOf } from "./option.ts";
import type { OptionTable } from "./options.ts";

/** What the person asked to run, still as they wrote it; `child/command.ts` makes an argv of it. */
export interface ServerSpec {
  /** A path, a folder or a command name. */
  command: string;
  /** The server's own arguments, untouched. */
  args: readonly string[];
  /** What a relative path in `command` starts from, absolute: the current folder, or the config file's. */
  folder: string;
  /** The config file names it: it belongs to the file's folder, wherever it runs. */
  isFromFile?: true;
  /** Given after `--`: `command` is run as it is, and its file type does not matter. */
  literal: boolean;
  /** The command of ours that was perhaps meant, if there is no such program. */
  meant?: string;
  /** `--shell`: `command` and `args` joined are one line for the shell. */
  shell: boolean;
}

/** A user who may approve a connection with a name and a password. */
export interface ConfiguredUser {
  name: string;
  /** An encoded argon2id hash, as `mcp-expose hash-password` prints it. */
  passwordHash: string;
}

/** A client that is registered in advance, for pasting into an assistant's settings. */
export interface KnownClient {
  id: string;
  secret?: string;
}

/** The files that are watched: at least one glob, or the server's own folder, or both. */
export interface WatchChoice {
  ownFolder: boolean;
  globs: readonly WatchedGlob[];
}

/** What the config file says about ngrok. */
export interface NgrokSettings {
  /** A traffic policy, YAML or JSON. */
  trafficPolicy?: string;
  /** CIDR blocks to go by instead of those that an assistant's maker publishes. */
  ranges?: Partial<Record<Assistant, readonly string[]>>;
}

type PlainOptions = {
  [K in keyof OptionTable as OptionTable[K] extends { custom: true } ? never : K]: OptionTable[K];
};

/** The options that are used as they are: always there if the table has a default, which may be `null`. */
export type PlainFields = {
  -readonly [K in keyof PlainOptions as PlainOptions[K] extends { default: unknown } ? K : never]:
    ValueOf<PlainOptions[K]> | (PlainOptions[K] extends { default: null } ? null : never);
} & {
  -readonly [K in keyof PlainOptions as PlainOptions[K] extends { default: unknown } ? never : K]?: ValueOf<
    PlainOptions[K]
  >;
};

export interface Config extends PlainFields {
  server: ServerSpec;
  /** The server's working folder, absolute. */
  cwd: string;
  /** What `--env-file` and `--env` add to the inherited environment. */
  env: Readonly<Record<string, string>>;

  /** What restarts the server when it changes; absent: nothing. */
  watch?: WatchChoice;

  tunnel: TunnelKind;
  ngrokAuthtoken?: string;
  ngrok?: NgrokSettings;
  /** The origin of the person's own proxy, such as `https://mcp.example.com`; no tunnel is opened. */
  publicUrl?: string;

  users: readonly ConfiguredUser[];
  client?: KnownClient;
  /** Hosts whose client metadata documents are accepted, and their subdomains; absent: every host; empty: no host. */
  allowClient?: readonly string[];
  /** Scopes besides the default one, and the tools each opens. */
  scopes: ToolScopeTable;
  /** `memory` or an absolute path. */
  store: string;
}

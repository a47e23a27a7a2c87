// Everything a run depends on, after flags, environment, config file and defaults have been merged.
// Durations are milliseconds, sizes bytes.

/** What the person asked to run, still as they wrote it; `child/command.ts` makes an argv of it. */
export interface ServerSpec {
  /** A path, a folder or a command name. */
  command: string;
  /** The server's own arguments, untouched. */
  args: readonly string[];
  /** Given after `--`: `command` is run as it is, no file type is looked at. */
  literal: boolean;
  /** `--shell`: `command` and `args` joined are one line for the shell. */
  shell: boolean;
}

/** Somebody who may approve a connection with a name and a password. */
export interface User {
  name: string;
  /** An encoded argon2id hash, as `mcp-expose hash-password` prints it. */
  passwordHash: string;
}

/** A client that was made known beforehand, for pasting into an assistant's settings. */
export interface KnownClient {
  id: string;
  secret?: string;
}

export type AuthMode = "oauth" | "none";
export type TunnelKind = "ngrok" | "none";

export interface Config {
  server: ServerSpec;
  /** The server's working folder, absolute. */
  cwd: string;
  /** What `--env-file` and `--env` add to the inherited environment. */
  env: Readonly<Record<string, string>>;

  /** Loopback port of the public side; `null`: 8787 or the next free one. 0 lets the system choose. */
  port: number | null;
  host: string;
  /** Path of the MCP endpoint, such as `/mcp`: one leading slash, none at the end. */
  path: string;

  tunnel: TunnelKind;
  domain?: string;
  ngrokAuthtoken?: string;
  /** The origin of the person's own proxy, such as `https://mcp.example.com`; no tunnel is opened. */
  publicUrl?: string;

  auth: AuthMode;
  users: readonly User[];
  /** What a person pastes on the approval page; absent: a fresh one is made when there are no users. */
  token?: string;
  client?: KnownClient;
  /** `memory` or an absolute path. */
  store: string;
  accessTtl: number;
  refreshTtl: number;
  allowRedirect: readonly string[];
  allowOrigin: readonly string[];
  maxBody: number;

  json: boolean;
  quiet: boolean;
  verbose: boolean;
}

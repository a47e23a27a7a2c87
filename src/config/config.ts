// Everything a run depends on, after flags, environment, config file and defaults have been merged.
// Durations are milliseconds, sizes bytes.
import type { ToolScopeTable } from "../oauth/access/tool-scopes.ts";
import type { Assistant } from "../tunnel/assistants.ts";

/** What the person asked to run, still as they wrote it; `child/command.ts` makes an argv of it. */
export interface ServerSpec {
  /** A path, a folder or a command name. */
  command: string;
  /** The server's own arguments, untouched. */
  args: readonly string[];
  /** What a relative path in `command` starts from, absolute: where the person stands, or the config file's folder. */
  folder: string;
  /** Given after `--`: `command` is run as it is, no file type is looked at. */
  literal: boolean;
  /** What was perhaps meant if there is no such command: one of ours. */
  meant?: string;
  /** `--shell`: `command` and `args` joined are one line for the shell. */
  shell: boolean;
}

/** Somebody who may approve a connection with a name and a password. */
export interface ConfiguredUser {
  name: string;
  /** An encoded argon2id hash, as `mcp-expose hash-password` prints it. */
  passwordHash: string;
}

/** A client that was made known beforehand, for pasting into an assistant's settings. */
export interface KnownClient {
  id: string;
  secret?: string;
}

/** `optional`: what there is may be seen without a token, calls need one. */
export type AuthMode = "oauth" | "optional" | "none";
export type TunnelKind = "ngrok" | "cloudflared" | "tailscale" | "none";

/** What the config file says about ngrok. */
export interface NgrokSettings {
  /** A traffic policy, YAML or JSON. */
  trafficPolicy?: string;
  /** CIDR blocks to go by instead of those that an assistant's maker publishes. */
  ranges?: Partial<Record<Assistant, readonly string[]>>;
}

export type ProcessMode = "client" | "session" | "shared";
export type ChildEra = "auto" | "legacy" | "modern";

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
  ngrok?: NgrokSettings;
  /** Whose servers ngrok lets in; absent: everybody's. */
  only?: readonly Assistant[];
  /** The origin of the person's own proxy, such as `https://mcp.example.com`; no tunnel is opened. */
  publicUrl?: string;

  auth: AuthMode;
  users: readonly ConfiguredUser[];
  /** What a person pastes on the approval page; absent: a fresh one is made when there are no users. */
  token?: string;
  client?: KnownClient;
  /** Hosts whose client metadata documents are believed, and their subdomains; absent: every host's; empty: none's. */
  allowClient?: readonly string[];
  denyClient: readonly string[];
  /** What another program checks tokens with. */
  introspectSecret?: string;
  /** Scopes besides the default one, and the tools each opens. */
  scopes: ToolScopeTable;
  /** `memory` or an absolute path. */
  store: string;
  accessTtl: number;
  refreshTtl: number;
  allowRedirect: readonly string[];
  allowOrigin: readonly string[];
  maxBody: number;
  /** Which callers share a server process: those of one person and OAuth client, those of one session, or all. */
  process: ProcessMode;
  /** Which revisions the server is spoken to in; `auto`: found out. */
  childEra: ChildEra;
  /** The most server processes at a time. */
  maxChildren: number;

  json: boolean;
  quiet: boolean;
  verbose: boolean;
}

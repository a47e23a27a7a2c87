// The package's public face: what `import { defineConfig } from "mcp-expose"` gives a config file.
// It imports nothing, so that its declaration file stands alone.

/** What a config file may say. Flags and `MCP_EXPOSE_…` variables win over it; relative paths start from its folder. */
export interface ConfigFile {
  /** The server to run when the command line names none: a path or a command, or a list with its arguments. */
  server?: string | readonly [command: string, ...args: string[]];
  /** The server's working folder. Default: where mcp-expose is started, or this file's folder when `server` is set here. */
  cwd?: string;
  /** Added to the server's environment. */
  env?: Readonly<Record<string, string | number | boolean>>;
  /** Files of `NAME=value` lines, added before `env`. */
  envFile?: string | readonly string[];
  /** Who shares a server process: one client, one session, or all. */
  process?: "client" | "session" | "shared";
  /** Which revisions the server is spoken to in; `auto`: found out. */
  childEra?: "auto" | "legacy" | "modern";
  /** The most server processes at a time. */
  maxChildren?: number;
  /** `server` is one line for the shell. */
  shell?: boolean;

  /** Loopback port of the public side. Default: 8787, or the next free one. */
  port?: number;
  /** Address to bind to. Default: `127.0.0.1`. */
  host?: string;
  /** Path of the MCP endpoint. Default: `/mcp`. */
  path?: string;
  /** Default: `ngrok` if an authtoken is known, else `none`. */
  tunnel?: "ngrok" | "cloudflared" | "tailscale" | "none";
  /** ngrok domain. Default: the account's own. */
  domain?: string;
  /** Lets in these assistants' servers alone, and any browser to the approval page: `"chatgpt,claude"`. ngrok only. */
  only?: string;
  /** What ngrok does with traffic before it comes here. */
  ngrok?: {
    /** https://ngrok.com/docs/traffic-policy: an object, its YAML or JSON text, or the path of a file. */
    trafficPolicy?: string | Readonly<Record<string, unknown>>;
    /** CIDR blocks that `only` goes by, instead of those the assistant's maker publishes. */
    ranges?: { chatgpt?: readonly string[]; claude?: readonly string[] };
  };
  /** Default: `NGROK_AUTHTOKEN`, then the ngrok agent's own configuration. */
  ngrokAuthtoken?: string;
  /** The origin of your own proxy, such as `https://mcp.example.com`; no tunnel is opened. */
  publicUrl?: string;
  /** Largest request body: bytes, or such as `"10mb"`. Default: 32 MiB. */
  maxBody?: number | string;

  /**
   * `optional` shows everybody what there is and asks for a login at the first call; `none` lets everybody in who knows
   * the URL. Default: `oauth`.
   */
  auth?: "oauth" | "optional" | "none";
  /** Confirms `auth: "none"` on a public URL. */
  yesPublic?: boolean;
  /** Who may approve a connection; hashes come from `mcp-expose hash-password`. */
  users?: readonly { name: string; passwordHash: string }[];
  /** What a person pastes on the approval page. Default: a fresh one each run, when there are no users. */
  token?: string;
  /** An OAuth client that is known beforehand. */
  clientId?: string;
  clientSecret?: string;
  /** Hosts whose client metadata documents are believed, with their subdomains; `none` for nobody's. Default: all. */
  allowClient?: string | readonly string[];
  /** Hosts whose client metadata documents are not believed. */
  denyClient?: string | readonly string[];
  /** What another program checks tokens with at `/introspect`, as the client `introspection`. */
  introspectSecret?: string;
  /**
   * Parts of what the server offers that a person can grant or leave out: a scope's name, and the tools it opens, the
   * least first. A tool that no scope opens needs none; one that several open needs one of them.
   */
  scopes?: Readonly<Record<string, ToolScope>>;
  /** `memory`, or a file. Default: `state.db` in the state folder. */
  store?: string;
  /** How long an access token lasts, such as `"15m"`. Default: 24h. */
  accessTtl?: string;
  /** How long a refresh token lasts. Default: 90d. */
  refreshTtl?: string;
  /** Callbacks that clients may register besides the well-known ones. */
  allowRedirect?: string | readonly string[];
  /** Origins of browser pages that may call the endpoint. */
  allowOrigin?: string | readonly string[];

  /** One JSON object a line on stdout. */
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
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

/** Gives `config` back as it is; editors complete and check it. */
export function defineConfig(config: ConfigFile): ConfigFile {
  return config;
}

// The one table of options. Parsing, help, environment variables, the config file's keys and types, and the plain fields
// of `Config` all derive from it. An entry's key is its name in the config file (`publicUrl`).
import { ASSISTANTS, AUTH_MODES, CHILD_ERAS, PROCESS_MODES, TUNNEL_KINDS } from "./choices.ts";
import {
  bindAddress,
  choice,
  choices,
  login,
  name,
  path,
  port,
  store,
  text,
  toggle,
  variable,
  watched,
} from "./kinds.ts";
import type { CommandName } from "./command-names.ts";
import { COMMAND_SWITCHES, OUTPUT } from "./command-switches.ts";
import type { Option } from "./option.ts";
import { count, duration, size } from "./quantities.ts";
import { clientHost, endpointPath, hostName, origin, publicUrl, redirectUri } from "./urls.ts";

const PUBLIC = "Public URL";
const SIGN_IN = "Sign-in";
const SERVER = "Server";
const LOCAL = "Local address";
const CLIENTS = "OAuth clients and tokens";
const LINES = /\n/;
const COMMAS_OR_LINES = /[,\n]/;
const HOUR = 3_600_000;

export const OPTIONS = {
  tunnel: {
    kind: choice("KIND", TUNNEL_KINDS),
    group: PUBLIC,
    help: "Tunnel to open",
    defaultText: "ngrok if there is an authtoken, else none",
    custom: true,
  },
  publicUrl: {
    kind: publicUrl,
    group: PUBLIC,
    help: "URL of your own proxy, instead of a tunnel",
    custom: true,
  },
  ngrokAuthtoken: {
    kind: text("TOKEN", "an ngrok authtoken"),
    group: PUBLIC,
    help: "Authtoken for ngrok",
    defaultText: "NGROK_AUTHTOKEN, or the one that ngrok has saved",
    secret: true,
    custom: true,
  },
  domain: {
    kind: hostName,
    group: PUBLIC,
    help: "Domain of the ngrok tunnel",
    defaultText: "your account's own",
  },
  only: {
    kind: choices("LIST", ASSISTANTS),
    group: PUBLIC,
    help: "Only these assistants may connect (ngrok)",
  },

  auth: {
    kind: choice("MODE", AUTH_MODES),
    group: SIGN_IN,
    help: "Sign-in always, for calls only, or never",
    default: "oauth",
  },
  yesPublic: { kind: toggle, group: SIGN_IN, help: "Confirms --auth none on a public URL", custom: true },
  user: {
    kind: login,
    group: SIGN_IN,
    help: "User who may approve connections; asks for a missing password",
    many: LINES,
    secret: true,
    sources: ["flag", "environment"],
    custom: true,
  },
  token: {
    kind: text("TOKEN", "a token to paste on the approval page"),
    group: SIGN_IN,
    help: "Token to paste on the approval page",
    defaultText: "a new one at each start, unless there are users",
    secret: true,
  },

  name: {
    kind: name,
    group: SERVER,
    help: "Name of the server; people keep their access to it wherever it runs",
    defaultText: "from its package or file",
  },
  cwd: {
    kind: path("DIR", "a folder"),
    group: SERVER,
    help: "Working folder of the server",
    defaultText: "the current one, or the config file's if it names the server",
    custom: true,
  },
  env: {
    kind: variable,
    group: SERVER,
    help: "Environment variable for the server",
    many: LINES,
    adds: true,
    secret: true,
    custom: true,
  },
  envFile: {
    kind: path("FILE", "a file of NAME=value lines"),
    group: SERVER,
    help: "File of environment variables",
    many: COMMAS_OR_LINES,
    adds: true,
    custom: true,
  },
  shell: { kind: toggle, group: SERVER, help: "Runs the server's command line in a shell", custom: true },
  process: {
    kind: choice("MODE", PROCESS_MODES),
    group: SERVER,
    help: "One server process per client, per session, or for all",
    default: "client",
  },
  maxChildren: { kind: count, group: SERVER, help: "Maximum number of server processes", default: 8 },
  childEra: {
    kind: choice("ERA", CHILD_ERAS),
    group: SERVER,
    help: "MCP era of the server, before or since 2026-07-28",
    default: "auto",
  },
  watch: {
    kind: watched,
    group: SERVER,
    help: "Restarts the server when these files change",
    defaultText: "off; without a glob the server's own folder, less what .gitignore names",
    many: LINES,
    custom: true,
  },

  port: {
    kind: port,
    short: "p",
    group: LOCAL,
    help: "Local port",
    default: null,
    defaultText: "8787, or the next free one",
  },
  host: { kind: bindAddress, group: LOCAL, help: "Address to bind to", default: "127.0.0.1" },
  path: { kind: endpointPath, group: LOCAL, help: "Path of the MCP endpoint", default: "/mcp" },
  // Base64 makes 32 MiB of a 24 MB file; memory use grows with it, so not without bound.
  maxBody: { kind: size, group: LOCAL, help: "Largest request body", default: 32 * 2 ** 20 },
  allowOrigin: {
    kind: origin,
    group: LOCAL,
    help: "Browser origin to accept",
    default: [],
    many: COMMAS_OR_LINES,
  },

  clientId: {
    kind: text("ID", "a client id"),
    group: CLIENTS,
    help: "ID of a client registered in advance",
    custom: true,
  },
  clientSecret: {
    kind: text("SECRET", "a client secret"),
    group: CLIENTS,
    help: "Secret of that client",
    secret: true,
    custom: true,
  },
  allowClient: {
    kind: clientHost,
    group: CLIENTS,
    help: "Host of client metadata documents to accept, or none",
    defaultText: "any host",
    many: COMMAS_OR_LINES,
    custom: true,
  },
  denyClient: {
    kind: clientHost,
    group: CLIENTS,
    help: "Host of client metadata documents to reject",
    default: [],
    many: COMMAS_OR_LINES,
  },
  allowRedirect: {
    kind: redirectUri,
    group: CLIENTS,
    help: "Additional redirect URI to accept",
    default: [],
    many: COMMAS_OR_LINES,
  },
  accessTtl: { kind: duration, group: CLIENTS, help: "Lifetime of access tokens", default: 24 * HOUR },
  refreshTtl: { kind: duration, group: CLIENTS, help: "Lifetime of refresh tokens", default: 90 * 24 * HOUR },
  introspectSecret: {
    kind: text("SECRET", "a secret"),
    group: CLIENTS,
    help: "Secret for checking tokens at /introspect",
    secret: true,
  },
  store: {
    kind: store,
    group: CLIENTS,
    help: "File for clients and grants, or memory",
    defaultText: "state.db in the state folder",
    commands: ["run", "grants"],
    custom: true,
  },

  config: {
    kind: path("FILE", "a config file"),
    group: OUTPUT,
    help: "Config file",
    defaultText: "nearest mcp-oauth.config.ts",
    commands: ["run", "grants"],
    sources: ["flag", "environment"],
    custom: true,
  },
  json: {
    kind: toggle,
    group: OUTPUT,
    help: "Prints one JSON object per line on stdout",
    default: false,
    commands: ["run", "grants"],
  },
  quiet: { kind: toggle, group: OUTPUT, help: "Prints only warnings and errors", default: false },
  verbose: { kind: toggle, group: OUTPUT, help: "Prints why requests are refused, and more", default: false },
  ...COMMAND_SWITCHES,
} as const satisfies Record<string, Option>;

export type OptionTable = typeof OPTIONS;
export type OptionKey = keyof OptionTable;

/** The table with its entries' common type, for code that walks it. */
export function listOptions(): [OptionKey, Option][] {
  return Object.entries(OPTIONS) as [OptionKey, Option][];
}

/** The options of one command. */
export function optionsOf(command: CommandName): [OptionKey, Option][] {
  return listOptions().filter(([, option]) => (option.commands ?? ["run"]).includes(command));
}

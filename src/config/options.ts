// The one table of options. Parsing, help, environment variables and the config file's keys all derive from it.
// An entry's key is its name in the config file (`publicUrl`); flag and variable names follow from that.
import {
  bindAddress,
  choice,
  choices,
  type Kind,
  login,
  path,
  port,
  store,
  text,
  toggle,
  variable,
} from "./kinds.ts";
import { count, duration, size } from "./quantities.ts";
import { clientHost, endpointPath, hostName, origin, publicUrl, redirectUri } from "./urls.ts";

export type CommandName = "run" | "grants" | "hash-password";
export type OptionSource = "flag" | "environment" | "file";

export interface Option {
  kind: Kind<unknown>;
  /** The heading it stands under in the help; without one it is not shown. */
  group?: string;
  help: string;
  /** One letter: `p` for `-p`. */
  short?: string;
  /** What holds when it is not given, for the help text. */
  default?: string;
  /** Shown on the line of the option before it, whose help then speaks for both. */
  beside?: true;
  /** May be given more than once; this divides the entries in an environment variable. */
  many?: RegExp;
  /** Entries of every source count, the strongest source last; otherwise the strongest source wins. */
  adds?: true;
  /** Never shown in a message. */
  secret?: true;
  /** Commands that take it; `run` alone if absent. */
  commands?: readonly CommandName[];
  /** Where it may be set; everywhere if absent. */
  sources?: readonly OptionSource[];
}

const REACH = "Where it is reached";
const ACCESS = "Who gets in";
const SERVER = "The server";
const OUTPUT = "Configuration and output";
const LINES = /\n/;
const COMMAS_OR_LINES = /[,\n]/;

export const OPTIONS = {
  port: {
    kind: port,
    short: "p",
    group: REACH,
    help: "loopback port of the public side",
    default: "8787 or next free",
  },
  host: { kind: bindAddress, group: REACH, help: "address to bind to", default: "127.0.0.1" },
  path: { kind: endpointPath, group: REACH, help: "path of the MCP endpoint", default: "/mcp" },
  tunnel: {
    kind: choice("KIND", ["ngrok", "cloudflared", "tailscale", "none"]),
    group: REACH,
    help: "cloudflared, tailscale, none, ngrok",
    default: "if authorized",
  },
  domain: { kind: hostName, group: REACH, help: "ngrok domain; let in these assistants' servers only" },
  only: { kind: choices(["chatgpt", "claude"]), group: REACH, help: "", beside: true },
  ngrokAuthtoken: {
    kind: text("T", "an ngrok authtoken"),
    group: REACH,
    help: "",
    default: "NGROK_AUTHTOKEN, or the ngrok agent's own",
    secret: true,
  },
  publicUrl: { kind: publicUrl, group: REACH, help: "you run the proxy yourself; no tunnel is opened" },
  maxBody: { kind: size, group: REACH, help: "largest request body", default: "32mb" },

  auth: {
    kind: choice("MODE", ["oauth", "optional", "none"]),
    group: ACCESS,
    help: "oauth, optional (looking is open), none",
  },
  yesPublic: { kind: toggle, group: ACCESS, help: "", beside: true },
  user: {
    kind: login,
    group: ACCESS,
    help: "a login; asks for a missing password; repeatable",
    many: LINES,
    secret: true,
    sources: ["flag", "environment"],
  },
  token: {
    kind: text("T", "a token to paste on the approval page"),
    group: ACCESS,
    help: "what is pasted on the approval page",
    default: "fresh each run",
    secret: true,
  },
  clientId: { kind: text("ID", "a client id"), group: ACCESS, help: "a client known beforehand" },
  clientSecret: { kind: text("S", "a client secret"), group: ACCESS, help: "", beside: true, secret: true },
  allowClient: {
    kind: clientHost,
    group: ACCESS,
    help: "whose client documents count, or none",
    default: "any",
    many: COMMAS_OR_LINES,
  },
  denyClient: { kind: clientHost, group: ACCESS, help: "", beside: true, many: COMMAS_OR_LINES },
  introspectSecret: {
    kind: text("S", "a secret"),
    group: ACCESS,
    help: "what another program checks tokens with",
    secret: true,
  },
  store: {
    kind: store,
    group: ACCESS,
    help: "memory, or a file of clients and grants",
    default: "state.db",
    commands: ["run", "grants"],
  },
  accessTtl: { kind: duration, group: ACCESS, help: "how long tokens last", default: "24h, 90d" },
  refreshTtl: { kind: duration, group: ACCESS, help: "", beside: true },
  allowRedirect: {
    kind: redirectUri,
    group: ACCESS,
    help: "one more client callback, browser origin; repeatable",
    many: COMMAS_OR_LINES,
  },
  allowOrigin: { kind: origin, group: ACCESS, help: "", beside: true, many: COMMAS_OR_LINES },

  process: {
    kind: choice("MODE", ["client", "session", "shared"]),
    group: SERVER,
    help: "client, session or shared; auto, legacy or modern",
  },
  childEra: { kind: choice("MODE", ["auto", "legacy", "modern"]), group: SERVER, help: "", beside: true },
  maxChildren: { kind: count, group: SERVER, help: "the most server processes at a time", default: "8" },
  env: {
    kind: variable,
    group: SERVER,
    help: "add to its environment; repeatable",
    many: LINES,
    adds: true,
    secret: true,
  },
  envFile: {
    kind: path("F", "a file of NAME=value lines"),
    group: SERVER,
    help: "",
    beside: true,
    many: COMMAS_OR_LINES,
    adds: true,
  },
  cwd: {
    kind: path("DIR", "a folder"),
    group: SERVER,
    help: "its working folder; the command is one line of shell",
  },
  shell: { kind: toggle, group: SERVER, help: "", beside: true },

  config: {
    kind: path("FILE", "a config file"),
    group: OUTPUT,
    help: "",
    default: "mcp-oauth.config.ts here or in a parent folder",
    commands: ["run", "grants"],
    sources: ["flag", "environment"],
  },
  json: {
    kind: toggle,
    group: OUTPUT,
    help: "one JSON object a line on stdout",
    commands: ["run", "grants"],
  },
  quiet: { kind: toggle, group: OUTPUT, help: "say less, or more" },
  verbose: { kind: toggle, group: OUTPUT, help: "", beside: true },
  all: {
    kind: toggle,
    group: OUTPUT,
    help: "with revoke: every grant",
    commands: ["grants"],
    sources: ["flag"],
  },
  help: {
    kind: toggle,
    short: "h",
    group: OUTPUT,
    help: "this text; the version",
    commands: ["run", "grants", "hash-password"],
    sources: ["flag"],
  },
  version: {
    kind: toggle,
    short: "v",
    group: OUTPUT,
    help: "",
    beside: true,
    commands: ["run", "grants", "hash-password"],
    sources: ["flag"],
  },
  /** Accepted so that scripts written for a version with an inspector run on this one. */
  noInspect: { kind: toggle, help: "", sources: ["flag"] },
} as const satisfies Record<string, Option>;

export type OptionKey = keyof typeof OPTIONS;

/** What an option's value is once read: a list where it may be repeated. */
export type ValueOf<K extends OptionKey> = (typeof OPTIONS)[K] extends { kind: Kind<infer T>; many: RegExp }
  ? readonly T[]
  : (typeof OPTIONS)[K] extends { kind: Kind<infer T> }
    ? T
    : never;

/** The table with its entries' common type, for code that walks it. */
export function listOptions(): [OptionKey, Option][] {
  return Object.entries(OPTIONS) as [OptionKey, Option][];
}

/** The options of one command. */
export function optionsOf(command: CommandName): [OptionKey, Option][] {
  return listOptions().filter(([, option]) => (option.commands ?? ["run"]).includes(command));
}

export function mayComeFrom(option: Option, source: OptionSource): boolean {
  return option.sources?.includes(source) ?? true;
}

/** `publicUrl` → `public-url` */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `publicUrl` → `MCP_EXPOSE_PUBLIC_URL` */
export function variableName(key: string): string {
  return `MCP_EXPOSE_${flagName(key).replaceAll("-", "_").toUpperCase()}`;
}

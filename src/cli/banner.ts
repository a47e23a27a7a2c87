// The text shown when the URL answers: where to connect, how to sign in, and what to click in which assistant.
// ChatGPT: https://developers.openai.com/plugins/quickstart, Claude: https://claude.com/docs/connectors/building
import type { Ready } from "../app/app.ts";
import { printable } from "../printable.ts";
import { NAME, VERSION } from "../version.ts";
import type { Style } from "./style.ts";
import { wrap } from "./wrap.ts";

/**
 * The whole banner, ending in a line break.
 *
 * @param width columns of the terminal; commands may be wider, since they are copied as they are
 */
export function renderBanner(ready: Ready, style: Style, width = Infinity): string {
  const { url, server, tunnel, caveat } = ready;
  const isPublic = url.startsWith("https:");
  const name = style.bold(`${NAME} ${VERSION}`);
  const isProxied = isPublic && tunnel === "none";
  const title =
    isPublic && !isProxied
      ? `${name} has put ${printable(server)} online`
      : `${name} is serving ${printable(server)} ${isProxied ? "behind your proxy" : "on this machine"}`;
  const rows: BannerRow[] = [
    ["URL", style.bold(style.accent(printable(url)))],
    ...(isProxied
      ? [["Proxy", `must forward ${new URL(url).origin} to ${new URL(ready.local).origin}`] as BannerRow]
      : []),
    ...describeCredential(ready, style),
    ...ready.clients.flatMap(describeClient),
  ];
  const write = ([label, text]: BannerRow) => renderRow(label, text, style, width);
  return [
    "",
    wrap(title, width),
    "",
    ...rows.map(write),
    "",
    ...(isPublic ? describeAssistants(ready).map(write) : [wrap(LOCAL_ONLY, width)]),
    "",
    ...describeCommands(ready, style),
    ...(caveat === undefined ? [] : ["", style.dim(wrap(caveat, width))]),
    "",
    "",
  ].join("\n");
}

/** A label, empty if it is that of the row above, and the text beside it. */
type BannerRow = [label: string, text: string];

const LABEL = 9;

/** The token alone, for `--quiet`; empty when people sign in with a password or not at all. */
export function renderCredential(ready: Ready, style: Style): string {
  return ready.credential?.kind === "token" ? `${renderRow("Token", ready.credential.token, style)}\n` : "";
}

const LOCAL_ONLY =
  "It is not on the internet. For a public URL, set NGROK_AUTHTOKEN (dashboard.ngrok.com), or use --tunnel cloudflared, or --public-url with your own proxy.";

function describeCredential({ credential, auth }: Ready, style: Style): BannerRow[] {
  if (credential === null) return [["Access", auth === "none" ? "open to everyone, no sign-in" : "closed"]];
  const discovery: BannerRow[] =
    auth === "optional" ? [["Access", "lists are open to everyone, calls need a sign-in"]] : [];
  const { token } = credential;
  const names: BannerRow[] =
    credential.kind === "password"
      ? [["Sign in", `as ${credential.users.map((user) => printable(user)).join(" or ")}`]]
      : [];
  if (token === undefined) return [...discovery, ...names];
  return [
    ...discovery,
    ...names,
    ["Token", `${style.bold(token)}  ${style.dim("(paste it on the approval page)")}`],
  ];
}

function describeClient({ client_id, client_secret }: Ready["clients"][number]): BannerRow[] {
  return [
    ["Client", client_id],
    ...(client_secret === undefined ? [] : [["Secret", client_secret] as BannerRow]),
  ];
}

function describeAssistants({ auth }: Ready): BannerRow[] {
  const approve = auth === "none" ? "" : ", approve";
  return [
    ["ChatGPT", "Settings → Security and login → Developer mode: on"],
    ["", `chatgpt.com/plugins → + → paste the URL → Create${approve}`],
    ["Claude", "Settings → Connectors → Add custom connector"],
    ["", `paste the URL → Add → Connect${approve}`],
  ];
}

function describeCommands({ url, server }: Ready, style: Style): string[] {
  const name = toConnectorName(server);
  return [
    `${style.dim("$")} claude mcp add --transport http ${name} ${url}`,
    `${style.dim("$")} codex mcp add ${name} --url ${url}`,
  ];
}

function renderRow(label: string, text: string, style: Style, width = Infinity): string {
  return `${style.dim(label.padEnd(LABEL))}${wrap(text, width, LABEL)}`;
}

/** A name both command lines take without quotes: `@scope/server-x` becomes `server-x`. */
function toConnectorName(server: string): string {
  const name = server.split(/[\\/]/).at(-1) ?? "";
  return name.replace(/[^\w-]+/g, "-").replace(/^-+|-+$/g, "") || "mcp";
}

// What is shown when the URL answers: where to connect, how to get in, and what to click in which assistant.
// ChatGPT: https://developers.openai.com/plugins/quickstart, Claude: https://claude.com/docs/connectors/building
import type { Ready } from "../app.ts";
import { NAME, VERSION } from "../version.ts";
import type { Style } from "./style.ts";

/** The whole banner, ending in a line break. Lines hold one fact each, so that narrow terminals wrap them well. */
export function renderBanner(ready: Ready, style: Style): string {
  const { url, server, tunnel } = ready;
  const isPublic = url.startsWith("https:");
  const title = `${style.bold(`${NAME} ${VERSION}`)} ${isPublic ? "has put" : "is serving"} ${clean(server)}${isPublic ? " online" : " on this machine"}`;
  return [
    "",
    title,
    "",
    row("URL", style.bold(style.accent(url)), style),
    ...describeCredential(ready, style),
    ...ready.clients.flatMap((client) => describeClient(client, style)),
    "",
    ...(isPublic ? describeAssistants(ready, style) : [LOCAL_ONLY, ""]),
    ...describeCommands(ready, style),
    ...(tunnel in ABOUT_TUNNEL ? ["", style.dim(ABOUT_TUNNEL[tunnel]!)] : []),
    "",
    "",
  ].join("\n");
}

/** The way in alone, for `--quiet`; nothing when everybody knows it already. */
export function renderCredential(ready: Ready, style: Style): string {
  return ready.credential?.kind === "token" ? `${row("Token", ready.credential.token, style)}\n` : "";
}

/** What surprises people about a tunnel. */
const ABOUT_TUNNEL: Partial<Record<Ready["tunnel"], string>> = {
  ngrok: 'On ngrok\'s free plan your browser first shows a notice: press "Visit Site".',
  cloudflared:
    "The next start has another URL. What the server says outside of a call does not get through Cloudflare.",
};

const LOCAL_ONLY =
  "It is not on the internet. For a public URL: ngrok config add-authtoken <token>, --tunnel cloudflared, or --public-url with your own proxy.";

function describeCredential({ credential, auth }: Ready, style: Style): string[] {
  if (credential === null)
    return [row("Access", auth === "none" ? "open to everybody, no sign-in" : "closed", style)];
  if (credential.kind === "password")
    return [row("Sign in", `as ${credential.users.map(clean).join(" or ")}`, style)];
  return [
    row("Token", `${style.bold(credential.token)}  ${style.dim("(paste it on the approval page)")}`, style),
  ];
}

function describeClient({ client_id, client_secret }: Ready["clients"][number], style: Style): string[] {
  const secret = client_secret === undefined ? [] : [row("Secret", client_secret, style)];
  return [row("Client", client_id, style), ...secret];
}

function describeAssistants({ auth }: Ready, style: Style): string[] {
  const approve = auth === "none" ? "" : ", approve";
  return [
    row("ChatGPT", "Settings → Security and login → Developer mode: on", style),
    row("", `chatgpt.com/plugins → + → paste the URL → Create${approve}`, style),
    row("Claude", "Settings → Connectors → Add custom connector", style),
    row("", `paste the URL → Add → Connect${approve}`, style),
    "",
  ];
}

function describeCommands({ url, server }: Ready, style: Style): string[] {
  const name = toConnectorName(server);
  return [
    `${style.dim("$")} claude mcp add --transport http ${name} ${url}`,
    `${style.dim("$")} codex mcp add ${name} --url ${url}`,
  ];
}

function row(label: string, text: string, style: Style): string {
  return `${style.dim(label.padEnd(9))}${text}`;
}

/** A name both command lines take without quotes: `@scope/server-x` becomes `server-x`. */
function toConnectorName(server: string): string {
  const name = server.split(/[\\/]/).at(-1) ?? "";
  return name.replace(/[^\w-]+/g, "-").replace(/^-+|-+$/g, "") || "mcp";
}

function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
}

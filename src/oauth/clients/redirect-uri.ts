// Which redirect URIs may be registered, and when a presented one is the registered one.
// Comparison is exact but for the port of a loopback address (RFC 8252 §7.3; OAuth 2.1 §2.3.1), and works on
// the text itself, so that no difference between two URL parsers can be turned into an open redirect.
import { normalizeHost } from "../../host-name.ts";

/** Callbacks of well-known assistants: a code that is sent there reaches no one else. */
const ASSISTANTS: readonly { name: string; uri: RegExp | string }[] = [
  { name: "Claude", uri: "https://claude.ai/api/mcp/auth_callback" },
  { name: "Claude", uri: "https://claude.com/api/mcp/auth_callback" },
  { name: "ChatGPT", uri: "https://chatgpt.com/connector_platform_oauth_redirect" },
  { name: "ChatGPT", uri: /^https:\/\/chatgpt\.com\/connector\/oauth\/[A-Za-z0-9_-]+$/ },
  { name: "VS Code", uri: "https://vscode.dev/redirect" },
  { name: "VS Code", uri: "https://insiders.vscode.dev/redirect" },
  { name: "Cursor", uri: "cursor://anysphere.cursor-mcp/oauth/callback" },
  { name: "Cursor", uri: "https://www.cursor.com/agents/mcp/oauth/callback" },
  { name: "Slack", uri: "https://oauth2.slack.com/external/auth/callback" },
];

/** Host, port, and what follows them. `localhost` is there because clients use it. */
const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::(\d{1,5}))?((?:[/?].*)?)$/;
/** Scheme and host in full: `https:host` and `https:\host` go to that host in some readings and elsewhere in others. */
const HTTPS = /^https:\/\/(\[[\da-f:]+\]|[^/?:\\]+)(?::\d{1,5})?(?:[/?][^\\]*)?$/i;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
const MAX_LENGTH = 2048;
/** Schemes a browser would run or read locally; no option allows them. */
const NEVER: ReadonlySet<string> = new Set(["javascript:", "data:", "file:", "vbscript:", "blob:", "about:"]);

/** The assistant whose callback this is. */
export function findAssistant(redirectUri: string): string | undefined {
  return ASSISTANTS.find(({ uri }) => (typeof uri === "string" ? uri === redirectUri : uri.test(redirectUri)))
    ?.name;
}

export function isLoopbackRedirect(redirectUri: string): boolean {
  return LOOPBACK.test(redirectUri);
}

/**
 * Why a redirect URI may not be registered; undefined when it may.
 *
 * @param allowed what the person running this allowed on top, exactly as written
 */
export function findRedirectFlaw(redirectUri: string, allowed: readonly string[]): string | undefined {
  const flaw = findFormFlaw(redirectUri);
  if (flaw !== undefined) return flaw;
  const isKnown = allowed.includes(redirectUri) || findAssistant(redirectUri) !== undefined;
  return isKnown ? undefined : findDestinationFlaw(redirectUri);
}

/** A flaw that no option allows. */
function findFormFlaw(redirectUri: string): string | undefined {
  if (redirectUri.length > MAX_LENGTH) return "is too long";
  if (!VISIBLE_ASCII.test(redirectUri) || !URL.canParse(redirectUri)) return "is not an absolute URI";
  if (redirectUri.includes("#")) return "has a fragment";
  const { protocol, username, password } = new URL(redirectUri);
  if (username !== "" || password !== "") return "has user information";
  return NEVER.has(protocol) ? "has a forbidden scheme" : undefined;
}

function findDestinationFlaw(redirectUri: string): string | undefined {
  const { protocol, hostname } = new URL(redirectUri);
  if (protocol === "https:") {
    const host = HTTPS.exec(redirectUri)?.[1]?.toLowerCase();
    return host === normalizeHost(hostname) ? undefined : "is not written as https://host/path";
  }
  if (isLoopbackRedirect(redirectUri)) return undefined;
  return protocol === "http:" ? "is http, but not on a loopback address" : "has a scheme that is not allowed";
}

/** Whether it would open an app on the person's computer: neither the web nor a scheme that nothing allows. */
export function hasAppScheme(redirectUri: string): boolean {
  const protocol = URL.canParse(redirectUri) ? new URL(redirectUri).protocol : "";
  return protocol !== "" && !/^https?:$/.test(protocol) && !NEVER.has(protocol);
}

export function matchesRegistered(presented: string, registered: string): boolean {
  return presented === registered || matchesButForPort(presented, registered);
}

/**
 * Whether a redirect URI is safe without a registration: a known assistant's, one on loopback, or an allowed one. A client
 * that was set up beforehand has registered none, so it may use these.
 */
export function isTrustedRedirect(presented: string, allowed: readonly string[]): boolean {
  if (findRedirectFlaw(presented, allowed) !== undefined) return false;
  return (
    findAssistant(presented) !== undefined || isLoopbackRedirect(presented) || allowed.includes(presented)
  );
}

function matchesButForPort(presented: string, registered: string): boolean {
  const [, host, port, rest] = LOOPBACK.exec(presented) ?? [];
  const [, registeredHost, , registeredRest] = LOOPBACK.exec(registered) ?? [];
  if (host === undefined || rest === undefined || !URL.canParse(presented)) return false;
  if (port !== undefined && Number(port) === 0) return false;
  return host === registeredHost && (rest || "/") === (registeredRest || "/");
}

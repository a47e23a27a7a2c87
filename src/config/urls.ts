// URLs, hosts and paths that end up in OAuth documents, where one extra character makes clients fail:
// RFC 8414 §2 and RFC 9728 §2 (no query, no fragment, https), RFC 6454 §6.2 (an origin).
import { normalizeHost } from "../host-name.ts";
import { isLoopback } from "../loopback.ts";
import { BadValue, type Kind } from "./kinds.ts";

const RESERVED_PATHS = [
  "/sse",
  "/messages",
  "/authorize",
  "/token",
  "/register",
  "/revoke",
  "/introspect",
  "/healthz",
  "/readyz",
  "/.well-known",
];

/** The path of the MCP endpoint: one leading slash, none at the end, nothing that needs escaping. */
export const endpointPath: Kind<string, "string"> = {
  inFile: "string",
  placeholder: "PATH",
  noun: "a path for the MCP endpoint",
  hint: "Use a slash and letters, digits or - . _ ~, such as /mcp or /team/mcp.",
  read: (text) => {
    const path = text.replace(/(?<=.)\/$/, "");
    const [, first] = path.split("/");
    if (RESERVED_PATHS.includes(`/${first}`))
      throw new BadValue("is a path that mcp-expose uses itself", "Use another one, such as /mcp.");
    if (path === "/")
      throw new BadValue("would hide the sign-in pages", "Use a path of its own, such as /mcp.");
    return /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)+$/.test(path) ? path : undefined;
  },
};

/**
 * The address of a proxy the person runs: https unless it is loopback. A path is kept for `resolve.ts`, which
 * knows the endpoint's.
 */
export const publicUrl: Kind<URL, "string"> = {
  inFile: "string",
  placeholder: "URL",
  noun: "the public address of your proxy",
  hint: "Use an https origin, such as https://mcp.example.com.",
  read: (text) => {
    const url = parse(text);
    if (url === undefined || !isWeb(url)) return undefined;
    if (url.username !== "" || url.password !== "") throw new BadValue("holds a user name", publicUrl.hint);
    if (/[?#]/.test(text)) throw new BadValue("has a query or a fragment", publicUrl.hint);
    if (url.protocol === "http:" && !isLocalHost(url.hostname))
      throw new BadValue("is not https", "Assistants only connect to https; http is for loopback addresses.");
    url.hostname = normalizeHost(url.hostname);
    return url;
  },
};

/** The origin of a browser page that may call us, as browsers send it. */
export const origin: Kind<string, "string"> = {
  inFile: "string",
  placeholder: "ORIGIN",
  noun: "an origin",
  hint: "Use scheme, host and port alone, such as https://app.example.com.",
  read: (text) => {
    const url = parse(text);
    if (url === undefined || !isWeb(url) || url.username !== "" || /[?#]/.test(text)) return undefined;
    url.hostname = normalizeHost(url.hostname);
    if (url.pathname !== "/") throw new BadValue("has a path", `Did you mean ${url.origin}?`);
    return url.origin;
  },
};

/** The address a browser may be sent to after approval; compared as a whole, so kept as written (RFC 8252 §7.1, §8.4). */
export const redirectUri: Kind<string, "string"> = {
  inFile: "string",
  placeholder: "URI",
  noun: "a redirect URI",
  hint: "Use the client's whole callback, such as https://app.example.com/callback or app.scheme:/callback.",
  read: (text) => {
    const url = parse(text);
    if (url === undefined || /[\s#]/.test(text)) return undefined;
    if (["javascript:", "data:", "file:", "blob:", "about:", "vbscript:"].includes(url.protocol))
      return undefined;
    if (url.protocol === "http:" && !isLocalHost(url.hostname))
      throw new BadValue("is not https", "http callbacks are for loopback addresses only.");
    return text;
  },
};

/** A host name, such as an ngrok domain. */
export const hostName: Kind<string, "string"> = {
  inFile: "string",
  placeholder: "HOST",
  noun: "a host name",
  hint: "Use the name alone, such as my-name.ngrok-free.dev.",
  read: (text) => {
    // These characters end a host in a URL, or are decoded there.
    const name = /[\s/?#\\@:%]/.test(text) ? "" : normalizeHost(text);
    if (/^(?=.{1,253}$)([a-z\d]([a-z\d-]{0,61}[a-z\d])?\.)+[a-z]([a-z\d-]{0,61}[a-z\d])?$/.test(name))
      return name;
    const inside = parse(text)?.hostname;
    if (inside) throw new BadValue("is a whole URL", `Did you mean ${inside}?`);
    return undefined;
  },
};

/** A host whose client metadata documents are accepted or rejected; `none` stands for accepting no host. */
export const clientHost: Kind<string, "string"> = {
  inFile: "string",
  placeholder: "HOST",
  noun: "a host name",
  hint: "Use the name alone, such as claude.ai; its subdomains are included. none accepts no client documents.",
  read: (text, folder) => (text === "none" ? text : hostName.read(text, folder)),
};

/** Whether traffic to this host stays on this machine (RFC 6761 §6.3 has the names below `.localhost`). */
export function isLocalHost(host: string): boolean {
  return isLoopback(host) || host.toLowerCase().endsWith(".localhost");
}

function parse(text: string): URL | undefined {
  return /\s/.test(text) ? undefined : (URL.parse(text) ?? undefined);
}

function isWeb({ protocol, hostname }: URL): boolean {
  return (protocol === "https:" || protocol === "http:") && hostname !== "";
}

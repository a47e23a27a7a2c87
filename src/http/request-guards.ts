// Which hosts and origins a request may name. A page on the internet can make a browser call a port on this machine, but
// cannot choose the names in that request (DNS rebinding; MCP transports, "Security Warning").
import { normalizeHost } from "../host-name.ts";
import { isLoopback } from "../loopback.ts";

export interface RequestGuards {
  /** `host` as in the Host header, port included. */
  allowsHost(host: string | null): boolean;
  /** `origin` as in the Origin header; only browsers send one. */
  allowsOrigin(origin: string | null): boolean;
}

export interface RequestGuardsOptions {
  /** Our public origin. */
  publicUrl: string;
  /** More origins that may call. */
  allowOrigin: readonly string[];
}

export function createRequestGuards({ publicUrl, allowOrigin }: RequestGuardsOptions): RequestGuards {
  const publicHost = normalizeHost(new URL(publicUrl).hostname);
  const origins = new Set([publicUrl, ...allowOrigin].map((origin) => new URL(origin).origin));
  // Nearly every request names the same host as the one before.
  let allowed: string | null = null;
  return {
    // Only a name can be rebound, an address cannot.
    allowsHost(host) {
      if (host !== null && host === allowed) return true;
      const name = hostnameOf(`http://${host}`);
      const isAllowed = normalizeHost(name) === publicHost || name === "localhost" || isAddressLiteral(name);
      if (isAllowed) allowed = host;
      return isAllowed;
    },
    allowsOrigin(origin) {
      if (origin === null || origins.has(origin)) return true;
      return isLoopback(hostnameOf(origin));
    },
  };
}

function hostnameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : "";
}

function isAddressLiteral(name: string): boolean {
  return name.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(name);
}

// What the rest of the program knows about a tunnel, whoever provides it.
// Nothing in here may know a provider; app/app.ts picks one.

/** What a tunnel leads to: our own listener on loopback. */
export interface TunnelTarget {
  host: string;
  port: number;
  /** A Unix socket that leads to the same, and that no other user can reach: what arrives there is known to be the tunnel's. */
  socket?: string | undefined;
}

export interface Up {
  /** The public origin, such as `https://x.ngrok-free.dev`, without a trailing slash. */
  url: string;
  /** To the provider and back, where it says so: milliseconds. */
  roundTrip?: number;
}

export interface Down {
  reason: string;
  /** When the URL was lost, in milliseconds since the epoch. */
  since: number;
  /** When the next try begins, in milliseconds from now; absent: the provider is at it by itself. */
  nextTry?: number;
}

/** What happens to a tunnel. Handlers are called at any time, `up` never before `open` has resolved. */
export interface TunnelEvents {
  /**
   * The URL answers again after it was down. It may be another one where `capabilities.stableUrl` is false:
   * what was bound to the old one is worthless then.
   */
  up(up: Up): void;
  /** The URL does not answer for now. Told again when a try to get it back has failed. */
  down(down: Down): void;
  /** It is given up; `advice` says what a person can do. */
  failed(reason: string, advice?: string): void;
  /** Something a person has to do or to know before the tunnel can open. */
  notice(text: string): void;
}

export interface Capabilities {
  /** The same URL comes back after a break and at the next start. */
  stableUrl: boolean;
  /** The answer to a GET may be an event stream: nothing on the way holds it back. */
  streamsGet: boolean;
  /** The person needs an account with the provider. */
  account: boolean;
  /** The most requests that may be open at a time; absent: as many as come. */
  maxRequests?: number;
  /** What a provider's free plan allows in a calendar month. */
  monthlyRequests?: number;
}

export interface Tunnel extends Up {
  readonly kind: "ngrok" | "cloudflared" | "tailscale";
  readonly capabilities: Capabilities;
  /** Stops taking requests, lets the provider know, and frees what it holds. Never rejects; bounded to a few seconds. */
  close(): Promise<void>;
}

/**
 * Opens a tunnel to `target`. Options that cannot be right (a domain that is not a host name) were refused earlier,
 * by the function that made this one, with exit code 2.
 *
 * @param signal gives it up, also while it is being opened; nothing is left behind
 * @throws {UserError} with exit code 1 when the provider refuses (bad authtoken, somebody else's domain) or cannot be reached
 */
export type OpenTunnel = (target: TunnelTarget, events: TunnelEvents, signal: AbortSignal) => Promise<Tunnel>;

/** What comes in to `target`, for those who are told a URL. */
export function targetUrl({ host, port }: TunnelTarget): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

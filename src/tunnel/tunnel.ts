// What the rest of the program knows about a tunnel, whoever provides it.
// Nothing in here may know a provider; app.ts picks one.

/** What a tunnel leads to: our own listener on loopback. */
export interface TunnelTarget {
  host: string;
  port: number;
}

/** What happens to an open tunnel. Handlers are called at any time, never before `open` has resolved or rejected. */
export interface TunnelEvents {
  /** The URL answers again after it was down. */
  up(url: string): void;
  /** The URL does not answer for now; the provider is trying to get it back. */
  down(reason: string): void;
  /** The provider has given up; `advice` says what a person can do. */
  failed(reason: string, advice?: string): void;
}

export interface Tunnel {
  readonly kind: "ngrok" | "cloudflared" | "tailscale";
  /** The public origin, such as `https://x.ngrok-free.dev`, without a trailing slash. */
  readonly url: string;
  /** Stops taking requests, lets the provider know, and frees what it holds. Never rejects; bounded to a few seconds. */
  close(): Promise<void>;
}

/**
 * Opens a tunnel to `target`. Options that cannot be right (a domain that is not a host name) were refused earlier,
 * by the function that made this one, with exit code 2.
 *
 * @throws {UserError} with exit code 1 when the provider refuses (bad authtoken, somebody else's domain) or cannot be reached
 */
export type OpenTunnel = (target: TunnelTarget, events: TunnelEvents) => Promise<Tunnel>;

// The contract between the program and a tunnel of any provider.
// Nothing in here may know a provider; the table in app/tunnel.ts names them.
import type { Log } from "../log.ts";

/** The destination of a tunnel: our own listener on loopback. */
export interface TunnelTarget {
  host: string;
  port: number;
  /** A Unix socket that leads to the same place and that no other user can reach: only the tunnel's requests arrive there. */
  socket?: string | undefined;
}

export interface TunnelConnection {
  /** The public origin, such as `https://x.ngrok-free.dev`, without a trailing slash. */
  url: string;
  /** To the provider and back, where the provider reports it: milliseconds. */
  roundTrip?: number;
}

export interface Outage {
  reason: string;
  /** When the URL was lost, in milliseconds since the epoch. */
  since: number;
  /** When the next try begins, in milliseconds from now; absent: the provider's program reconnects by itself. */
  nextTry?: number;
}

/** Events of a tunnel. Handlers may be called at any time, but `up` never before `open` has resolved. */
export interface TunnelEvents {
  /**
   * The URL answers again after an outage. It may be another URL where `capabilities.stableUrl` is false:
   * everything that was bound to the old one is then worthless.
   */
  up(connection: TunnelConnection): void;
  /** The URL does not answer for now. Called again when a try to reopen the tunnel has failed. */
  down(outage: Outage): void;
  /** The tunnel is given up; `advice` says what a person can do. */
  failed(reason: string, advice?: string): void;
  /** Something a person has to do or to know before the tunnel can open. */
  warn(text: string): void;
}

export interface TunnelCapabilities {
  /** The same URL comes back after an outage and at the next start. */
  stableUrl: boolean;
  /** The answer to a GET may be an event stream: nothing on the way holds it back. */
  streamsGet: boolean;
  /** The person needs an account with the provider. */
  account: boolean;
  /** The provider's program can forward to a Unix socket. */
  takesSocket: boolean;
  /** The most requests that may be open at a time; absent: no limit. */
  maxRequests?: number;
  /** The requests that the provider's free plan allows in a calendar month. */
  monthlyRequests?: number;
  /** A sentence or two about what surprises people about this tunnel; shown below the URL. */
  caveat?: string;
}

export interface Tunnel extends TunnelConnection {
  /** Stops taking requests, lets the provider know, and frees what it holds. Never rejects; bounded to a few seconds. */
  close(): Promise<void>;
}

/**
 * Opens a tunnel to `target`. Options that cannot be right (a domain that is not a host name) were refused earlier,
 * by `TunnelProvider.create`, with exit code 2.
 *
 * @param signal gives it up, also while it is being opened; nothing is left behind
 * @throws {UserError} with exit code 1 when the provider refuses (bad authtoken, a domain of another account) or cannot be reached
 */
export type OpenTunnel = (target: TunnelTarget, events: TunnelEvents, signal: AbortSignal) => Promise<Tunnel>;

/** Time and chance, as a provider needs them to try again. */
export interface Timing {
  now(): number;
  /** At least 0, less than 1. */
  random(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The resources of every provider. */
export interface TunnelResources {
  /** The environment of the processes it starts; it holds no secret of ours. */
  env: Readonly<Record<string, string | undefined>>;
  timing: Timing;
  log: Log;
}

/** A way to be reached from the internet: one line in the table of app/tunnel.ts. */
export interface TunnelProvider<Resources = TunnelResources> {
  readonly capabilities: TunnelCapabilities;
  /** @throws {UserError} with exit code 2: its program is missing, or an option cannot be right. Nothing is opened yet. */
  create(resources: Resources): OpenTunnel;
}

/** The address of `target`, for a program that forwards to a URL. */
export function targetUrl({ host, port }: TunnelTarget): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

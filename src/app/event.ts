// The events that the program emits while it runs: the lines of `--json`, and the source of the text that people see.
import type { RequestRecord } from "../observe/request-log.ts";

/** Where to connect and how to get in; printed when the URL answers, and again if it ever becomes another one. */
export interface Ready {
  event: "ready";
  /** The connector URL. */
  url: string;
  /** The HTTP+SSE URL of revision 2024-11-05. */
  sse: string;
  local: string;
  issuer: string | null;
  tunnel: "ngrok" | "cloudflared" | "tailscale" | "none";
  inspector: null;
  /** Answers 200 while the wrapped server answers, 503 otherwise; loopback only. */
  readyz: string;
  auth: "oauth" | "optional" | "none";
  credential: { kind: "token"; token: string } | { kind: "password"; users: string[]; token?: string } | null;
  /** A secret that the person gave is known to them, and is not said again. */
  clients: { client_id: string; client_secret?: string }[];
  /** What is exposed, for people: `server-everything`. */
  server: string;
}

/** Nothing was started, or it has been ended again; stands in the place of `ready`. */
export interface Failed {
  event: "failed";
  /** One line. */
  reason: string;
  advice?: string;
}

/** What happens while the program runs; each is a line of `--json`. */
export type AppEvent =
  | Ready
  | Failed
  | TunnelEvent
  | {
      event: "child";
      state: "started" | "ready" | "exited" | "restarting";
      pid?: number;
      reason?: string;
      /** It was ended by us, because its session was over or nobody used it, or by a question of ours. */
      isOurs?: true;
      inMs?: number;
    }
  | RequestEvent
  | GrantEvent
  | { event: "stopped" };

/** What becomes of the tunnel. */
export type TunnelEvent =
  /** `changed`: under another URL than before; another `ready` follows. */
  | { event: "tunnel"; state: "up"; url: string; roundTripMs?: number; downMs?: number; changed?: boolean }
  /** `since` is a time as in ISO 8601; without `nextTryMs` the provider's program is at it by itself. */
  | { event: "tunnel"; state: "down"; reason: string; since: string; nextTryMs?: number }
  | { event: "tunnel"; state: "failed"; reason: string; advice?: string };

/** What happens to somebody's access. Never carries a secret. */
export interface GrantEvent {
  event: "grant";
  state: "approved" | "denied" | "login-failed" | "issued" | "refreshed" | "revoked";
  clientId?: string;
  /** What the client calls itself. */
  clientName?: string;
  subject?: string;
  grantId?: string;
  scopes?: readonly string[];
  /** The host, or the app's scheme, that the answer goes to. */
  destination?: string;
  /** Where the person at the approval page sits; an IPv6 address counts as its /64. */
  source?: string;
  reason?: string;
}

/** One HTTP exchange on the public side, emitted when it has ended together with its calls. */
export type RequestEvent = RequestRecord;

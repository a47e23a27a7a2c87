// The events of the running program: the lines of `--json`, from which the text for people is made.
import type { AuthMode, TunnelKind } from "../config/choices.ts";
import type { StaleTools } from "../eras/freshness/change-report.ts";
import type { ToolDifference } from "../eras/freshness/tool-difference.ts";
import { messageOf, UserError } from "../errors.ts";
import type { SignInNotice } from "../oauth/sign-in/sign-in.ts";
import type { GrantActivity } from "../oauth/tokens/grant-activity.ts";
import type { RequestRecord } from "../observe/request-log.ts";

/** Where to connect and how to get in; printed when the URL answers, and again when the URL has changed. */
export interface Ready {
  event: "ready";
  /** The connector URL. */
  url: string;
  /** The HTTP+SSE URL of revision 2024-11-05. */
  sse: string;
  local: string;
  issuer: string | null;
  tunnel: TunnelKind;
  /** A sentence or two about what surprises people about this tunnel. */
  caveat?: string;
  inspector: null;
  /** Answers 200 while the wrapped server answers, 503 otherwise; loopback only. */
  readyz: string;
  auth: AuthMode;
  /** Null when no one has to sign in. */
  credential: SignInNotice | null;
  /** A secret that the person gave is known to them, and is not printed again. */
  clients: { client_id: string; client_secret?: string }[];
  /** The name of the wrapped server, for people: `server-everything`. */
  server: string;
}

/** Nothing was started, or it was closed again; stands in the place of `ready`. */
export interface Failed {
  event: "failed";
  /** One line. */
  reason: string;
  advice?: string;
}

/** Without the server's own output, which may hold anything. */
export function toFailedEvent(thrown: unknown): Failed {
  const [reason = ""] = messageOf(thrown).split("\n");
  const advice = thrown instanceof UserError ? thrown.hint : undefined;
  return { event: "failed", reason, ...(advice !== undefined && { advice }) };
}

/** Each is a line of `--json`. */
export type AppEvent =
  | Ready
  | Failed
  | TunnelEvent
  | {
      event: "child";
      state: "started" | "ready" | "exited" | "restarting";
      pid?: number;
      reason?: string;
      /** We ended it: its session was over, no one used it, or it was started only to be tried. */
      isOurs?: true;
      inMs?: number;
    }
  | RequestEvent
  | GrantEvent
  | ToolsEvent
  | StaleEvent
  | { event: "stopped" };

/** The server has other tools than before, as far as a client has seen them. Says what has not been said before. */
export type ToolsEvent = { event: "tools" } & ToolDifference;

/** A client has an older list of tools than the server, and does not fetch it again. */
export interface StaleEvent extends Omit<StaleTools, "since" | "query"> {
  event: "stale";
  /** When it fetched its list, as in ISO 8601. */
  since: string;
  /** The connector URL with a query that is new: a client that keeps a list for each URL fetches another one for it. */
  url: string;
}

/** A change of the tunnel's state. */
export type TunnelEvent =
  /** `changed`: under another URL than before; another `ready` follows. */
  | { event: "tunnel"; state: "up"; url: string; roundTripMs?: number; downMs?: number; changed?: boolean }
  /** `since` is a time as in ISO 8601; without `nextTryMs` the provider's program reconnects by itself. */
  | { event: "tunnel"; state: "down"; reason: string; since: string; nextTryMs?: number }
  | { event: "tunnel"; state: "failed"; reason: string; advice?: string };

/** A change of a client's access. Never carries a secret. */
export type GrantEvent = { event: "grant" } & GrantActivity;

/** One HTTP exchange on the public side, emitted when it has ended together with its calls. */
export type RequestEvent = RequestRecord;

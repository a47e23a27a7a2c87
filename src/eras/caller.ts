// What every HTTP dialect shares: the revisions, who calls, and what is noted of a request.
// The only place that compares dates of revisions.

/** Revisions with sessions, oldest first. */
const WITH_SESSIONS: readonly string[] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/** The first revision without sessions, in which every request says its own version. */
const STATELESS_SINCE = "2026-07-28";

export function isSessionRevision(version: string): boolean {
  return WITH_SESSIONS.includes(version);
}

/** The revision of a session that asks for one on a server that speaks another: never one newer than either. */
export function agreeOn(asked: string, spoken: string): string {
  return isSessionRevision(asked) && asked < spoken ? asked : spoken;
}

/** Whether `version` can be meant by `MCP-Protocol-Version` at all. A newer one than was agreed on is let pass: real clients send it. */
export function isRevision(version: string): boolean {
  return isSessionRevision(version) || isStateless(version);
}

/** Whether requests of a revision stand alone. Later revisions than ours do too, and are told which we know. */
export function isStateless(version: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(version) && version >= STATELESS_SINCE;
}

/** Whether clients of a revision with sessions expect events to be numbered from the first one on. */
export function isResumable(version: string): boolean {
  return version >= "2025-11-25";
}

/** Who sends a request, as far as the dialects must know. */
export interface Caller {
  /**
   * Equal for the same person with the same OAuth client; a session belongs to one principal.
   * Empty when nobody can be told from anybody.
   */
  readonly principal: string;
  /** Whether the credential shown is still good; asked while a stream stays open. */
  isValid(): boolean;
  /** When the credential runs out by itself, in milliseconds since the epoch; absent when it never does. */
  readonly expiresAt?: number | undefined;
  /** The grant that the credential belongs to. */
  readonly grantId?: string | undefined;
  /** What a request with a credential that is no longer good is answered; undefined while it is. */
  refuse?(): Response | undefined;
  /** What the caller may do; absent when that is everything. */
  readonly gate?: Gate | undefined;
  /** Called when the answer goes on after it has begun; what it returns is called when that is over. */
  goOn?(): () => void;
}

/** Somebody without a token where others have one. */
export function isStranger({ principal, gate }: Caller): boolean {
  return principal === "" && gate !== undefined;
}

/** Decides what one caller may send and see. */
export interface Gate {
  /** Whether what a tool's annotations say can make a difference. */
  readonly looksAtHints: boolean;
  /** The answer to a message that may not be sent; undefined when it may. `id` is JSON text, empty for a notification. */
  refuse(call: { id: string; method: string; tool?: GatedTool }): Response | undefined;
  /** How a tool is shown, and undefined when it is not. */
  view(tool: GatedTool): { securitySchemes?: readonly object[] } | undefined;
}

/** A tool as far as a gate looks at it: the server's own words. */
export interface GatedTool {
  name: string;
  annotations?: { readOnlyHint?: unknown; destructiveHint?: unknown } | undefined;
}

/** What is noted of a request for the log. */
export interface Trace {
  /** JSON-RPC method. */
  rpc?: string;
  /** The tool, prompt or resource named. */
  name?: string;
}

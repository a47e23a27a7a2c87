// What every HTTP dialect shares: the revisions, who calls, and what is noted of a request.
// The only place that compares dates of revisions.

/** Revisions served, oldest first. */
export const REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] as const;

/** The first revision without sessions, in which every request says its own version. */
const STATELESS_SINCE = "2026-07-28";

/** Whether `version` can be meant by `MCP-Protocol-Version` at all. A newer one than was agreed on is let pass: real clients send it. */
export function isRevision(version: string): boolean {
  return (REVISIONS as readonly string[]).includes(version) || version === STATELESS_SINCE;
}

/** Who sends a request, as far as the dialects must know. */
export interface Caller {
  /** Equal for the same person with the same OAuth client; a session belongs to one principal. */
  readonly principal: string;
  /** Whether the credential shown is still good; asked while a stream stays open. */
  isValid(): boolean;
}

/** What is noted of a request for the log. */
export interface Trace {
  /** JSON-RPC method. */
  rpc?: string;
  /** The tool, prompt or resource named. */
  name?: string;
}

// The protocol revisions there are. The only file that compares their dates, and the one a new revision is added to.
// https://modelcontextprotocol.io/specification/versioning

/** Revisions with sessions, oldest first. */
const SESSION_REVISIONS: readonly string[] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/** Revisions without sessions, in which every request names its own, oldest first. */
export const STATELESS_REVISIONS: readonly string[] = ["2026-07-28"];

/** The revision in which a server with sessions is greeted when no client has asked for one. */
export const LEGACY = "2025-11-25";

/** The revision in which the bridge itself speaks to a server without sessions. */
export const MODERN = "2026-07-28";

export function isSessionRevision(version: string): boolean {
  return SESSION_REVISIONS.includes(version);
}

/** Whether requests of a revision stand alone. Those of a later one than ours do too, and are told which are served. */
export function isStateless(version: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(version) && version >= STATELESS_REVISIONS[0]!;
}

/** Whether a request of a revision without sessions is served. */
export function isServedStateless(version: unknown): boolean {
  return STATELESS_REVISIONS.includes(version as string);
}

/** Whether `version` can be meant by `MCP-Protocol-Version` at all. A newer one than was negotiated is accepted: real clients send it. */
export function isRevision(version: string): boolean {
  return isSessionRevision(version) || isStateless(version);
}

/** The revision of a session whose client asks for one while the server speaks another: never a newer one than either. */
export function negotiate(asked: string, spoken: string): string {
  return isSessionRevision(asked) && asked < spoken ? asked : spoken;
}

/** Whether clients of a revision with sessions expect events to be numbered from the first one on. */
export function isResumable(version: string): boolean {
  return version >= "2025-11-25";
}

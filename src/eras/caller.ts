// Who sends a request, as far as the HTTP dialects must know.

/** A person together with the OAuth client that acts for them. */
export interface CallerPrincipal {
  readonly subject: string;
  readonly clientId: string;
  /** What the client called itself when it was approved. */
  readonly clientName?: string | undefined;
  readonly grantId: string;
  readonly scopes: readonly string[];
}

/** The sender of one request. */
export interface Caller {
  /**
   * Sessions belong to it: equal for the same person with the same OAuth client, and empty where callers cannot be told
   * apart.
   */
  readonly key: string;
  /** Absent without a token. */
  readonly principal?: CallerPrincipal | undefined;
  /** Whether the credential shown is still good; called while a stream stays open. */
  isValid(): boolean;
  /** When the credential runs out by itself, in milliseconds since the epoch; absent when it never does. */
  readonly expiresAt?: number | undefined;
  /** The response to a request with a credential that is no longer good; undefined while it is. */
  refuse?(): Response | undefined;
  /** What the caller may do; absent when that is everything. */
  readonly policy?: CallerPolicy | undefined;
  /** Called when the response goes on after it has begun; what it returns is called when the response has ended. */
  onStream?(): () => void;
}

/** Whether the caller has no token where others have one. */
export function isAnonymous({ key, policy }: Caller): boolean {
  return key === "" && policy !== undefined;
}

/** Decides what one caller may send and see. */
export interface CallerPolicy {
  /** Whether the annotations of a tool can make a difference. */
  readonly looksAtHints: boolean;
  /**
   * The response to a message that may not be sent; undefined when it may. `id` is JSON text, empty for a notification.
   */
  refuse(call: { id: string; method: string; tool?: ListedTool }): Response | undefined;
  /** How a tool is shown, and undefined when it is not. */
  view(tool: ListedTool): { securitySchemes?: readonly object[] } | undefined;
}

/** A tool as far as a policy looks at it: the server's own words. */
export interface ListedTool {
  name: string;
  annotations?: { readOnlyHint?: unknown; destructiveHint?: unknown } | undefined;
}

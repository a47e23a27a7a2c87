// Who sends a request, as far as the HTTP dialects must know, and what is noted of it.

/** Who sends a request, as far as the dialects must know. */
export interface Caller {
  /**
   * Equal for the same person with the same OAuth client; a session belongs to one principal.
   * Empty when nobody can be told from anybody.
   */
  readonly key: string;
  /** Who has signed in with which client; absent where nobody does. */
  readonly principal?: { readonly subject: string; readonly clientId: string } | undefined;
  /** Whether the credential shown is still good; asked while a stream stays open. */
  isValid(): boolean;
  /** When the credential runs out by itself, in milliseconds since the epoch; absent when it never does. */
  readonly expiresAt?: number | undefined;
  /** The grant that the credential belongs to. */
  readonly grantId?: string | undefined;
  /** What a request with a credential that is no longer good is answered; undefined while it is. */
  refuse?(): Response | undefined;
  /** What the caller may do; absent when that is everything. */
  readonly policy?: CallerPolicy | undefined;
  /** Called when the answer goes on after it has begun; what it returns is called when that is over. */
  goOn?(): () => void;
}

/** Somebody without a token where others have one. */
export function isAnonymous({ key, policy }: Caller): boolean {
  return key === "" && policy !== undefined;
}

/** Decides what one caller may send and see. */
export interface CallerPolicy {
  /** Whether what a tool's annotations say can make a difference. */
  readonly looksAtHints: boolean;
  /** The answer to a message that may not be sent; undefined when it may. `id` is JSON text, empty for a notification. */
  refuse(call: { id: string; method: string; tool?: ListedTool }): Response | undefined;
  /** How a tool is shown, and undefined when it is not. */
  view(tool: ListedTool): { securitySchemes?: readonly object[] } | undefined;
}

/** A tool as far as a gate looks at it: the server's own words. */
export interface ListedTool {
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

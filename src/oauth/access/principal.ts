// The person and the client that a request speaks for, once its token has been checked.

export interface Principal {
  /** The person who approved: a user name, or `owner` where a token is pasted instead. */
  subject: string;
  clientId: string;
  /** What the client called itself when it was approved. */
  clientName: string;
  grantId: string;
  scopes: readonly string[];
  /** When the access token ends, in milliseconds since the epoch; a stream must not outlive it. */
  expiresAt: number;
}

/**
 * Equal for requests that may use each other's sessions: those of the same person with the same client. A session id
 * alone proves nothing (MCP security best practices, "Session Hijacking"). The issuer is the same for all: ours.
 */
export function callerKeyOf({ subject, clientId }: Principal): string {
  return JSON.stringify([subject, clientId]);
}

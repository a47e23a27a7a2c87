// The principal of a request: whom it acts for, once its token has been checked.

export interface Principal {
  /** The person who approved: a user name, or `owner` where a token is pasted instead. */
  subject: string;
  clientId: string;
  grantId: string;
  scopes: readonly string[];
  /** When the access token ends, in milliseconds since the epoch; a stream must not outlive it. */
  expiresAt: number;
}

/**
 * Whether a session opened by one may be used by the other. A session id alone proves nothing
 * (MCP security best practices, "Session Hijacking"). The issuer is the same for all: ours.
 */
export function isSamePrincipal(one: Principal, other: Principal): boolean {
  return one.subject === other.subject && one.clientId === other.clientId;
}

// Scopes: one for the server itself, configured ones for some of its tools, and offline_access for refresh tokens.
// RFC 6749 §3.3; MCP 2026-07-28 authorization, "Refresh Tokens": offline_access concerns the
// authorization server alone and never appears in resource metadata or a challenge.
import { refuse } from "../failure.ts";

export const DEFAULT_SCOPE = "mcp";
export const OFFLINE_ACCESS = "offline_access";

const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/;

/** @param extra the scopes of the configured table */
export function listResourceScopes(extra: readonly string[]): readonly string[] {
  return [DEFAULT_SCOPE, ...extra];
}

/** All scopes that the authorization server can grant. */
export function listServerScopes(resourceScopes: readonly string[]): readonly string[] {
  return [...resourceScopes, OFFLINE_ACCESS];
}

/** The scopes of an authorization request: unknown ones are dropped, the default one is always added. */
export function readRequestedScopes(
  scope: string | undefined,
  resourceScopes: readonly string[],
): readonly string[] {
  if (scope === undefined) return resourceScopes;
  const asked = splitScope(scope);
  return listServerScopes(resourceScopes).filter((one) => one === DEFAULT_SCOPE || asked.includes(one));
}

/** The scopes a person can leave out on the approval page. */
export function listOptionalScopes(scopes: readonly string[]): readonly string[] {
  return scopes.filter((scope) => scope !== DEFAULT_SCOPE && scope !== OFFLINE_ACCESS);
}

/** The scopes of a refreshed token: no more than what was granted (OAuth 2.1 §4.3.1). */
export function narrowScopes(granted: readonly string[], scope: string | undefined): readonly string[] {
  if (scope === undefined) return granted;
  const asked = splitScope(scope);
  if (!asked.every((one) => granted.includes(one))) refuse({ kind: "bad-scope", scope });
  return granted.filter((one) => asked.includes(one));
}

function splitScope(scope: string): string[] {
  if (!SCOPE.test(scope)) refuse({ kind: "bad-scope", scope });
  return scope.split(" ");
}

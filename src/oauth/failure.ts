// Everything that can go wrong in a protocol step, and the one place that maps it to an answer.
// Error codes: RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7591 §3.2.2, RFC 8707 §2, OpenID Connect Core §3.1.2.6.
// `why` is for the log alone; a description says what a developer must change, and nothing an attacker could use.
import { printable } from "../printable.ts";

export type Failure =
  | { kind: "bad-request"; description: string }
  | { kind: "repeated-parameter"; name: string }
  | { kind: "unknown-client"; clientId: string | undefined; basic: boolean }
  | { kind: "wrong-secret"; clientId: string; why: string; basic: boolean }
  | { kind: "bad-document"; url: string; why: string }
  | { kind: "no-document"; url: string; why: string }
  | { kind: "wrong-redirect"; clientId: string; redirectUri: string | undefined }
  | { kind: "unsupported-response-type"; responseType: string }
  | { kind: "unsupported-request-object"; parameter: "request" | "request_uri" }
  | { kind: "needs-interaction" }
  | { kind: "no-pending-sign-in" }
  | { kind: "denied" }
  /** A failure that is not sent to its redirect URI, and the destination it would have had. */
  | { kind: "kept-back"; failure: Failure; destination: string }
  | { kind: "bad-scope"; scope: string }
  | { kind: "bad-target"; resource: string }
  | { kind: "unsupported-grant-type"; grantType: string }
  | { kind: "grant-type-not-registered"; clientId: string; grantType: string }
  | { kind: "bad-code"; why: string }
  | { kind: "bad-refresh-token"; why: string }
  | { kind: "bad-client-metadata"; description: string }
  | { kind: "bad-redirect-metadata"; description: string }
  | { kind: "no-token" }
  | { kind: "two-tokens" }
  | { kind: "bad-token"; why: string }
  | { kind: "needs-scope"; scopes: readonly string[]; held: readonly string[] }
  | { kind: "not-a-post" }
  | { kind: "too-large" }
  | { kind: "too-slow" }
  | { kind: "throttled"; retryAfter: number; who: string }
  | { kind: "store-failed"; why: string };

export interface WireError {
  status: 400 | 401 | 403 | 405 | 408 | 413 | 429 | 503;
  /** Absent only where RFC 6750 §3.1 wants none. */
  error?: string;
  description: string;
  headers: Record<string, string>;
}

/** Thrown by a step that cannot go on; the endpoint turns it into its kind of answer. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(readonly failure: Failure) {
    super(failure.kind);
  }
}

export function refuse(failure: Failure): never {
  throw new Refusal(failure);
}

/** Characters of a value in the log. */
const MAX_VALUE = 500;

/** The exact reason, for the log. */
export function formatFailure({ kind, ...details }: Failure): string {
  const values = Object.entries(details).map(
    ([name, value]) => `${name}=${printable(JSON.stringify(value) ?? "", MAX_VALUE)}`,
  );
  return [kind, ...values].join(" ");
}

/** A database that restarts is back within seconds. */
const STORE_RETRY_MS = 5_000;

/** The answer to send. */
export function toWire(failure: Failure): WireError {
  switch (failure.kind) {
    case "bad-request":
      return wire(400, "invalid_request", failure.description);
    case "repeated-parameter":
      return wire(400, "invalid_request", `${nameParameter(failure.name)} was sent more than once.`);
    case "unknown-client":
      return wire(
        401,
        "invalid_client",
        "The client is unknown; register it again.",
        challengeBasic(failure.basic),
      );
    case "wrong-secret":
      return wire(
        401,
        "invalid_client",
        "The client could not be authenticated.",
        challengeBasic(failure.basic),
      );
    case "bad-document":
      return wire(401, "invalid_client", "The client's metadata document cannot be accepted.");
    case "no-document":
      return wire(503, "temporarily_unavailable", "The client's metadata document cannot be fetched.");
    case "wrong-redirect":
      return wire(400, "invalid_request", "The redirect_uri is not registered for this client.");
    case "unsupported-response-type":
      return wire(400, "unsupported_response_type", "Only response_type=code is supported.");
    case "unsupported-request-object":
      return wire(400, `${failure.parameter}_not_supported`, "Request objects are not supported.");
    case "needs-interaction":
      return wire(400, "login_required", "Every connection is approved by a person.");
    case "no-pending-sign-in":
      return wire(400, "invalid_request", "This sign-in was begun in another browser, or too long ago.");
    case "denied":
      return wire(400, "access_denied", "The connection was not approved.");
    case "kept-back":
      return toWire(failure.failure);
    case "bad-scope":
      return wire(400, "invalid_scope", "The scope is malformed or exceeds what was granted.");
    case "bad-target":
      return wire(400, "invalid_target", "The resource is not one of this server's, or was not granted.");
    case "unsupported-grant-type":
      return wire(400, "unsupported_grant_type", "Supported: authorization_code, refresh_token.");
    case "grant-type-not-registered":
      return wire(400, "unauthorized_client", "The client is not registered for this grant type.");
    case "bad-code":
      return wire(400, "invalid_grant", "The authorization code is not valid, or not for this request.");
    case "bad-refresh-token":
      return wire(400, "invalid_grant", "The refresh token is not valid.");
    case "bad-client-metadata":
      return wire(400, "invalid_client_metadata", failure.description);
    case "bad-redirect-metadata":
      return wire(400, "invalid_redirect_uri", failure.description);
    case "no-token":
      return { status: 401, description: "An access token is needed.", headers: {} };
    case "two-tokens":
      return wire(400, "invalid_request", "The access token was sent in more than one way.");
    case "bad-token":
      return wire(401, "invalid_token", "The access token is not valid here, or no longer.");
    case "needs-scope":
      return wire(403, "insufficient_scope", "The access token does not cover this.");
    case "not-a-post":
      return wire(405, "invalid_request", "Use POST.", { Allow: "POST" });
    case "too-large":
      return wire(413, "invalid_request", "The request is too large.");
    case "too-slow":
      // The rest of it is not waited for (RFC 9110 §15.5.9).
      return wire(408, "invalid_request", "The request took too long to arrive.", { Connection: "close" });
    case "throttled":
      return retryLater(429, "Too many attempts; wait before the next one.", failure.retryAfter);
    case "store-failed":
      return retryLater(503, "What is stored cannot be reached; try again shortly.", STORE_RETRY_MS);
  }
}

/** Parameter names that a page or an answer may repeat; any other could be a sentence that a stranger wrote. */
const PARAMETERS = new Set(
  [
    "client_id client_secret client_assertion client_assertion_type redirect_uri response_type response_mode scope state",
    "code code_challenge code_challenge_method code_verifier prompt nonce request request_uri grant_type refresh_token",
    "token token_type_hint query csrf decision username password",
  ]
    .join(" ")
    .split(" "),
);

function nameParameter(name: string): string {
  return PARAMETERS.has(name) ? `The parameter ${name}` : "A parameter";
}

function wire(
  status: WireError["status"],
  error: string,
  description: string,
  headers: Record<string, string> = {},
): WireError {
  return { status, error, description, headers };
}

/** @param ms how long to wait before the next attempt */
function retryLater(status: 429 | 503, description: string, ms: number): WireError {
  return wire(status, "temporarily_unavailable", description, {
    "Retry-After": String(Math.ceil(ms / 1000)),
  });
}

/** RFC 6749 §5.2: the answer to a failed attempt by HTTP Basic names that scheme. */
function challengeBasic(basic: boolean): Record<string, string> {
  return basic ? { "WWW-Authenticate": 'Basic realm="mcp-expose", charset="UTF-8"' } : {};
}

// Reads an authorization request in the two steps that keep us from being an open redirector: first where an answer
// may go at all, then everything else (OAuth 2.1 §4.1.1 and §4.1.2.1). The answer always names its issuer (RFC 9207).
import type { Client, FindClient } from "../clients/client.ts";
import { refuse } from "../failure.ts";
import { type Parameters, refuseRepeated } from "../wire/parameters.ts";
import { readChallenge } from "../tokens/pkce.ts";
import { readResources } from "../access/resource.ts";
import { readRequestedScopes } from "../access/scopes.ts";

/** Where the answer goes. */
export interface ReplyTarget {
  client: Client;
  redirectUri: string;
  /** As the client percent-encoded it, so that it comes back byte for byte. */
  encodedState: string | undefined;
}

export interface AuthorizationRequest extends ReplyTarget {
  challenge: string;
  scopes: readonly string[];
  resources: readonly string[];
}

/** A refusal here is for the person's eyes: nothing may be sent to a redirect URI that is not the client's. */
export async function readReplyTarget(
  parameters: Parameters,
  findClient: FindClient,
  source: string,
): Promise<ReplyTarget> {
  for (const name of parameters.repeated) {
    if (name === "client_id" || name === "redirect_uri") refuse({ kind: "repeated-parameter", name });
  }
  const clientId = parameters.get("client_id");
  const client = clientId === undefined ? undefined : await findClient(clientId, source);
  if (!client) return refuse({ kind: "unknown-client", clientId, basic: false });
  const redirectUri = parameters.get("redirect_uri");
  if (redirectUri === undefined || !client.acceptsRedirect(redirectUri)) {
    return refuse({ kind: "wrong-redirect", clientId: client.id, redirectUri });
  }
  const isStateClear = !parameters.repeated.includes("state");
  return { client, redirectUri, encodedState: isStateClear ? parameters.getEncoded("state") : undefined };
}

/** A refusal here is for the client and goes to its redirect URI. */
export function readAuthorizationRequest(
  parameters: Parameters,
  target: ReplyTarget,
  { resources, resourceScopes }: { resources: readonly string[]; resourceScopes: readonly string[] },
): AuthorizationRequest {
  refuseRepeated(parameters);
  refuseRequestObject(parameters);
  checkResponseType(parameters);
  checkPrompt(parameters);
  return {
    ...target,
    challenge: readChallenge(parameters),
    scopes: readRequestedScopes(parameters.get("scope"), resourceScopes),
    resources: readResources(parameters.getAll("resource"), resources, resources.slice(0, 1)),
  };
}

/** The redirect URI with `reply`, the state and the issuer added to its query. */
export function createReplyUrl(target: ReplyTarget, issuer: string, reply: Record<string, string>): string {
  const { redirectUri, encodedState } = target;
  const state =
    encodedState === undefined
      ? ""
      : `&state=${encodedState.replace(/[^\x21-\x7e]|#/gu, encodeURIComponent)}`;
  const separator = redirectUri.includes("?") ? "&" : "?";
  return `${redirectUri}${separator}${new URLSearchParams({ ...reply, iss: issuer }).toString()}${state}`;
}

/** RFC 9101 §5; OpenID Connect Core §6 gives the two error codes. */
function refuseRequestObject(parameters: Parameters): void {
  for (const parameter of ["request", "request_uri"] as const) {
    if (parameters.get(parameter) !== undefined) refuse({ kind: "unsupported-request-object", parameter });
  }
}

function checkResponseType(parameters: Parameters): void {
  const responseType = parameters.get("response_type");
  if (responseType === undefined) refuse({ kind: "bad-request", description: "response_type is missing." });
  if (responseType !== "code") refuse({ kind: "unsupported-response-type", responseType });
  const mode = parameters.get("response_mode");
  if (mode !== undefined && mode !== "query") {
    refuse({ kind: "bad-request", description: "Only response_mode=query is supported." });
  }
}

/** A person approves every time, so a request that forbids asking cannot succeed (OpenID Connect Core §3.1.2.1). */
function checkPrompt(parameters: Parameters): void {
  if (parameters.get("prompt")?.split(" ").includes("none")) refuse({ kind: "needs-interaction" });
}

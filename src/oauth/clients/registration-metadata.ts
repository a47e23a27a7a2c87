// Checks the metadata of a client that registers itself (RFC 7591 §2; MCP authorization, "Dynamic Client Registration").
// Unknown members are ignored, values we do not offer are left out, and those we must not allow are refused.
import type { ClientMetadata } from "../../store/store.ts";
import { GRANT_TYPES, REGISTERED_AUTH_METHODS } from "../supported-features.ts";
import { refuse } from "../failure.ts";
import {
  type MetadataFields,
  parseObject,
  readLinks,
  readOffered,
  readStrings,
  readText,
  readTexts,
  refuseMetadata,
} from "./metadata-fields.ts";
import { findRedirectFlaw } from "./redirect-uri.ts";

const MAX_REDIRECT_URIS = 20;

/**
 * The metadata that is registered for the JSON text a client posted.
 *
 * @param allowRedirect redirect URIs the person running this allowed on top
 * @param scopes what can be granted
 */
export function readRegistration(
  json: string,
  allowRedirect: readonly string[],
  scopes: readonly string[],
): ClientMetadata {
  const body = parseObject(json);
  return {
    redirect_uris: readRedirectUris(body, allowRedirect),
    token_endpoint_auth_method: readAuthMethod(body),
    grant_types: readOffered(body, "grant_types", GRANT_TYPES, "authorization_code"),
    response_types: readOffered(body, "response_types", ["code"], "code"),
    ...readTexts(body),
    ...readLinks(body),
    ...readScope(body, scopes),
    ...readContacts(body),
  };
}

function readRedirectUris(body: MetadataFields, allowRedirect: readonly string[]): string[] {
  const uris = readStrings(body, "redirect_uris");
  if (uris === undefined || uris.length === 0) return refuseRedirect("redirect_uris is missing.");
  if (uris.length > MAX_REDIRECT_URIS) refuseRedirect(`More than ${MAX_REDIRECT_URIS} redirect_uris.`);
  for (const uri of uris) {
    const flaw = findRedirectFlaw(uri, allowRedirect);
    if (flaw !== undefined) refuseRedirect(`The redirect URI ${JSON.stringify(uri.slice(0, 200))} ${flaw}.`);
  }
  return uris;
}

/** RFC 7591 §2: `client_secret_basic` when nothing is said. */
function readAuthMethod(body: MetadataFields): ClientMetadata["token_endpoint_auth_method"] {
  const asked = readText(body, "token_endpoint_auth_method") ?? "client_secret_basic";
  return (
    REGISTERED_AUTH_METHODS.find((method) => method === asked) ??
    refuseMetadata(`token_endpoint_auth_method must be one of ${REGISTERED_AUTH_METHODS.join(", ")}.`)
  );
}

/** Kept for the answer; it does not limit what the client may ask for later. */
function readScope(body: MetadataFields, scopes: readonly string[]): Partial<ClientMetadata> {
  const asked = readText(body, "scope")?.split(" ");
  const known = scopes.filter((scope) => asked?.includes(scope));
  return known.length > 0 ? { scope: known.join(" ") } : {};
}

function readContacts(body: MetadataFields): Partial<ClientMetadata> {
  const contacts = readStrings(body, "contacts");
  return contacts ? { contacts } : {};
}

function refuseRedirect(description: string): never {
  return refuse({ kind: "bad-redirect-metadata", description });
}

// Checks the metadata document a client is known by: its URL is the client_id (CIMD draft §3, §4 and §5; MCP
// authorization, "Client ID Metadata Documents"). The document says no more than that its client
// controls the URL, so nothing else in it is trusted.
import { normalizeHost } from "../../host-name.ts";
import type { ClientMetadata } from "../../store/store.ts";
import { DOCUMENT_AUTH_METHODS, GRANT_TYPES } from "../supported-features.ts";
import { Refusal, refuse } from "../failure.ts";
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
import { findRedirectFlaw, hasAppScheme } from "./redirect-uri.ts";

const MAX_ID = 2048;
const MAX_REDIRECT_URIS = 20;

/** Whether a client_id means a document: no id that we give out looks like a URL. */
export function isDocumentId(clientId: string): boolean {
  return clientId.includes("://");
}

/**
 * Why a URL may not be a client_id; undefined when it may. Only its canonical form is taken, which rules out dot
 * segments, numbers that mean addresses, a final dot of the host, and every other second spelling.
 *
 * @param allowHttp whether a host of this machine need not have TLS; for tests
 */
export function findIdFlaw(clientId: string, allowHttp: boolean): string | undefined {
  if (clientId.length > MAX_ID) return "is too long";
  if (!URL.canParse(clientId)) return "is not a URL";
  const url = new URL(clientId);
  if (url.protocol !== "https:" && !(allowHttp && url.protocol === "http:")) return "is not https";
  if (clientId.includes("#")) return "has a fragment";
  if (url.username !== "" || url.password !== "") return "has user information";
  if (url.pathname === "/") return "has no path";
  const isHostPlain = url.hostname === normalizeHost(url.hostname);
  if (url.href !== clientId || !isHostPlain || /%2e/i.test(url.pathname)) return "is not in canonical form";
  return undefined;
}

/** The client metadata of a document; refuses as `bad-document`. */
export function readClientDocument(
  json: string,
  clientId: string,
  allowRedirect: readonly string[],
): ClientMetadata {
  return naming(clientId, () => {
    const body = parseObject(json);
    checkIdentity(body, clientId);
    return {
      redirect_uris: readRedirectUris(body, allowRedirect),
      ...readAuthMethods(body),
      ...readKeys(body),
      grant_types: readOffered(body, "grant_types", GRANT_TYPES, "authorization_code"),
      response_types: readOffered(body, "response_types", ["code"], "code"),
      ...readTexts(body),
      ...readLinks(body),
    };
  });
}

/** The public keys a `jwks_uri` leads to (RFC 7517 §5); refuses as `bad-document`. */
export function readKeyDocument(json: string, url: string): NonNullable<ClientMetadata["jwks"]> {
  return naming(url, () => readKeySet(Object.fromEntries(parseObject(json))));
}

/** Says which document was refused. */
function naming<T>(url: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof Refusal && thrown.failure.kind === "bad-client-metadata")
      refuse({ kind: "bad-document", url, why: thrown.failure.description });
    throw thrown;
  }
}

function checkIdentity(body: MetadataFields, clientId: string): void {
  if (body.get("client_id") !== clientId) refuseMetadata("client_id is not the document's URL.");
  if (!readText(body, "client_name")?.trim()) refuseMetadata("client_name is missing.");
  // A document is public, so it must not hold a secret (CIMD draft §4.1).
  const secret = [...body.keys()].find((name) => name.startsWith("client_secret"));
  if (secret !== undefined) refuseMetadata(`${secret} must not be there.`);
}

/** A dangerous redirect URI makes the document invalid; one with an unknown app scheme is only left out. */
function readRedirectUris(body: MetadataFields, allowRedirect: readonly string[]): string[] {
  const uris = readStrings(body, "redirect_uris") ?? [];
  if (uris.length > MAX_REDIRECT_URIS) refuseMetadata(`More than ${MAX_REDIRECT_URIS} redirect_uris.`);
  const usable = uris.filter((uri) => {
    const flaw = findRedirectFlaw(uri, allowRedirect);
    if (flaw !== undefined && !hasAppScheme(uri)) refuseMetadata(`A redirect URI ${flaw}.`);
    return flaw === undefined;
  });
  return usable.length > 0 ? usable : refuseMetadata("No redirect URI can be used.");
}

/**
 * The list of what the client can do counts where there is one, since the single member is what it prefers
 * (https://github.com/modelcontextprotocol/modelcontextprotocol/pull/3149).
 */
function readAuthMethods(body: MetadataFields) {
  const single = readText(body, "token_endpoint_auth_method") ?? "none";
  const asked = readStrings(body, "token_endpoint_auth_methods_supported") ?? [single];
  const shared = [single, ...asked].find((method) => method.startsWith("client_secret"));
  if (shared !== undefined) refuseMetadata(`${shared} needs a secret, which a document cannot have.`);
  const hasKeys = body.has("jwks") || body.has("jwks_uri");
  const usable = DOCUMENT_AUTH_METHODS.filter(
    (method) => asked.includes(method) && (method === "none" || hasKeys),
  );
  const [first] = usable;
  if (first === undefined) return refuseMetadata("It offers no way to authenticate that is supported.");
  return { token_endpoint_auth_method: first, token_endpoint_auth_methods_supported: usable };
}

function readKeys(body: MetadataFields): Pick<ClientMetadata, "jwks" | "jwks_uri"> {
  const jwksUri = readText(body, "jwks_uri");
  const jwks = body.get("jwks");
  if (jwks !== undefined) return { jwks: readKeySet(jwks) };
  if (jwksUri === undefined) return {};
  return URL.canParse(jwksUri) ? { jwks_uri: jwksUri } : refuseMetadata("jwks_uri is not a URL.");
}

function readKeySet(value: unknown): NonNullable<ClientMetadata["jwks"]> {
  const { keys } = Object(value) as { keys?: unknown };
  if (!Array.isArray(keys) || !keys.every(isPublicKey))
    return refuseMetadata("jwks is not a set of public keys.");
  return { keys };
}

function isPublicKey(key: unknown): key is Record<string, unknown> {
  return typeof key === "object" && key !== null && !("d" in key) && !("k" in key);
}

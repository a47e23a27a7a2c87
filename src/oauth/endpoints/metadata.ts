// The documents clients discover us by: RFC 9728 for each resource, RFC 8414 and its OpenID alias for the issuer.
// URLs in them come from the site, never from a request: a document built from its Host header could be poisoned by anyone.
import { Hono } from "hono";
import { AUTH_METHODS, GRANT_TYPES, SIGNING_ALGORITHMS } from "../supported-features.ts";
import { RESOURCE_METADATA_PATH } from "../access/resource.ts";
import { listServerScopes } from "../access/scopes.ts";
import type { CurrentSite, Site } from "../issuer.ts";

export interface MetadataOptions {
  currentSite: CurrentSite;
  resourcePaths: readonly string[];
  resourceScopes: readonly string[];
  serverName: string;
  /** Whether a client may be known by the URL of its metadata document. */
  takesDocuments: boolean;
}

/** Serves everything under /.well-known/, with JSON for what is not there, and the places some clients look at instead. */
export function createMetadataRoutes(options: MetadataOptions): Hono {
  const { currentSite, resourcePaths } = options;
  const [mainPath] = resourcePaths;
  const issuer = () => describeIssuer(options);
  const openId = () => ({ ...issuer(), ...describeOpenId(currentSite()) });
  const routes = new Hono();
  const serve = (path: string, describe: () => object) =>
    routes.on("GET", [path, `${path}/`], () =>
      Response.json(describe(), { headers: { "Cache-Control": "no-cache" } }),
    );

  for (const path of resourcePaths) {
    serve(`${RESOURCE_METADATA_PATH}${path}`, () => describeResource(path, options));
  }
  if (mainPath !== undefined) serve(RESOURCE_METADATA_PATH, () => describeResource(mainPath, options));
  for (const path of ["", ...resourcePaths]) {
    serve(`/.well-known/oauth-authorization-server${path}`, issuer);
    serve(`/.well-known/openid-configuration${path}`, openId);
  }
  // rmcp and ChatGPT were seen to append the well-known part to these.
  for (const path of [...resourcePaths, "/token"]) {
    serve(`${path}/.well-known/oauth-authorization-server`, issuer);
    serve(`${path}/.well-known/openid-configuration`, openId);
  }
  serve(JWKS_PATH, () => ({ keys: [] }));
  // SDKs parse the body of a miss as JSON.
  routes.all("/.well-known/*", () => Response.json({ error: "not_found" }, { status: 404 }));
  return routes;
}

const JWKS_PATH = "/.well-known/jwks.json";

/** RFC 9728 §2. */
function describeResource(
  path: string,
  { currentSite, resourceScopes, serverName }: MetadataOptions,
): object {
  const { issuer } = currentSite();
  return {
    resource: issuer + path,
    authorization_servers: [issuer],
    scopes_supported: resourceScopes,
    bearer_methods_supported: ["header"],
    resource_name: serverName,
  };
}

/** RFC 8414 §2, with RFC 9207 §3, RFC 9728 §4 and CIMD draft §6. */
function describeIssuer({ currentSite, resourceScopes, takesDocuments }: MetadataOptions): object {
  const { issuer, resources } = currentSite();
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    revocation_endpoint: `${issuer}/revoke`,
    introspection_endpoint: `${issuer}/introspect`,
    scopes_supported: listServerScopes(resourceScopes),
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: GRANT_TYPES,
    ...describeAuthentication("token_endpoint", AUTH_METHODS),
    ...describeAuthentication("revocation_endpoint", AUTH_METHODS),
    ...describeAuthentication(
      "introspection_endpoint",
      AUTH_METHODS.filter((method) => method !== "none"),
    ),
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
    ...(takesDocuments ? { client_id_metadata_document_supported: true } : {}),
    protected_resources: resources,
  };
}

function describeAuthentication(endpoint: string, methods: readonly string[]): object {
  return {
    [`${endpoint}_auth_methods_supported`]: methods,
    [`${endpoint}_auth_signing_alg_values_supported`]: SIGNING_ALGORITHMS,
  };
}

/** Members that readers of the OpenID alias require (OpenID Connect Discovery §3); ID tokens are not issued. */
function describeOpenId({ issuer }: Site): object {
  return {
    jwks_uri: `${issuer}${JWKS_PATH}`,
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
  };
}

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { OpenIdProviderMetadataSchema } from "@modelcontextprotocol/sdk/shared/auth.js";
import { type Harness, type Json, startServer } from "./harness.ts";
import { checkIssuer } from "../../src/oauth/oauth.ts";

const ISSUER = "https://calm-otter.example.dev";
let server: Harness;
beforeAll(async () => {
  server = await startServer({ publicUrl: ISSUER });
});
afterAll(() => server.stop());

async function read(path: string, init: RequestInit = {}): Promise<Json> {
  const response = await fetch(`${server.url}${path}`, init);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toStartWith("application/json");
  return (await response.json()) as Json;
}

describe("the challenge", () => {
  for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE"]) {
    test(`D1: ${method} without a token gets 401 with the resource metadata's absolute URL`, async () => {
      const response = await fetch(`${server.url}/mcp`, { method, headers: { Accept: "image/png" } });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe(
        `Bearer resource_metadata="${ISSUER}/.well-known/oauth-protected-resource/mcp", scope="mcp"`,
      );
    });
  }

  const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

  test("D1: a browser gets the same 401 as a page that says what to do with the URL", async () => {
    for (const path of ["/mcp", "/sse"]) {
      const response = await fetch(`${server.url}${path}`, { headers: { Accept: BROWSER } });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe(
        `Bearer resource_metadata="${ISSUER}/.well-known/oauth-protected-resource${path}", scope="mcp"`,
      );
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(response.headers.get("content-security-policy")).toMatch(
        /^default-src 'none'; .*frame-ancestors 'none'; form-action 'none'$/,
      );
      expect(response.headers.get("x-frame-options")).toBe("DENY");
      expect(response.headers.get("cache-control")).toBe("no-store");
      const html = await response.text();
      expect(html).toContain(`${ISSUER}/mcp<`);
      expect(html).toContain("ChatGPT");
      expect(html).toContain("Claude");
    }
  });

  test("D1: a request that does not ask for a page first, shows a token or is not a GET is answered as before", async () => {
    const others: RequestInit[] = [
      ...["*/*", "text/event-stream", "application/json, text/html", "text/*", "text/htmlx"].map(
        (Accept): RequestInit => ({ headers: { Accept } }),
      ),
      { method: "POST", headers: { Accept: BROWSER } },
      { method: "HEAD", headers: { Accept: BROWSER } },
      { headers: { Accept: BROWSER, Authorization: "Bearer nonsense" } },
    ];
    for (const init of others) {
      const response = await fetch(`${server.url}/mcp`, init);
      const type = response.headers.get("content-type");
      expect([init, response.status, type]).toEqual([init, 401, "application/json;charset=utf-8"]);
    }
  });

  test("D1: browsers get the page, too, where lists need no token", async () => {
    const open = await startServer({ allowAnonymousDiscovery: true });
    const shown = await fetch(`${open.url}/mcp`, { headers: { Accept: BROWSER } });
    expect([shown.status, shown.headers.get("content-type")]).toEqual([401, "text/html; charset=utf-8"]);
    expect(await shown.text()).toContain("on this computer");
    expect((await fetch(`${open.url}/mcp`, { headers: { Accept: "text/event-stream" } })).status).toBe(200);
    await open.stop();
  });

  test("D1: each resource points at its own metadata", async () => {
    const response = await fetch(`${server.url}/sse`);
    expect(response.headers.get("www-authenticate")).toContain("/.well-known/oauth-protected-resource/sse");
  });

  test("D2, D6: offline_access stands in the issuer's scopes, not in the challenge or the resource's", async () => {
    const challenge = (await fetch(`${server.url}/mcp`)).headers.get("www-authenticate");
    const resource = await read("/.well-known/oauth-protected-resource/mcp");
    const issuer = await read("/.well-known/oauth-authorization-server");
    expect(challenge).not.toContain("offline_access");
    expect(resource["scopes_supported"]).toEqual(["mcp"]);
    expect(issuer["scopes_supported"]).toEqual(["mcp", "offline_access"]);
  });

  test("D3: a bad token is named as such, a missing one is not an error", async () => {
    const missing = await fetch(`${server.url}/mcp`);
    const bad = await fetch(`${server.url}/mcp`, { headers: { Authorization: "Bearer nonsense" } });
    expect(missing.headers.get("www-authenticate")).not.toContain("error");
    expect(bad.status).toBe(401);
    expect(bad.headers.get("www-authenticate")).toContain('error="invalid_token"');
  });
});

describe("the documents", () => {
  test("D4, D5: every resource has its own document, and the root one is the main resource's", async () => {
    const documents = {
      "/mcp": `${ISSUER}/mcp`,
      "/mcp/": `${ISSUER}/mcp`,
      "/sse": `${ISSUER}/sse`,
      "": `${ISSUER}/mcp`,
    };
    for (const [path, resource] of Object.entries(documents)) {
      const document = await read(`/.well-known/oauth-protected-resource${path}`);
      expect(document).toMatchObject({
        resource,
        authorization_servers: [ISSUER],
        bearer_methods_supported: ["header"],
        resource_name: "everything",
      });
    }
  });

  test("D7, D8: the issuer's document has what RFC 8414 and MCP clients need", async () => {
    expect(await read("/.well-known/oauth-authorization-server")).toMatchObject({
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/authorize`,
      token_endpoint: `${ISSUER}/token`,
      response_types_supported: ["code"],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
    });
  });

  test("D9: every endpoint that is advertised is served, and no feature that does not exist is advertised", async () => {
    const document = await read("/.well-known/oauth-authorization-server");
    const endpoints = Object.entries(document).filter(([name]) => name.endsWith("_endpoint"));
    expect(endpoints.map(([name]) => name).sort()).toEqual([
      "authorization_endpoint",
      "introspection_endpoint",
      "registration_endpoint",
      "revocation_endpoint",
      "token_endpoint",
    ]);
    for (const [, url] of endpoints) {
      const { pathname } = new URL(String(url));
      expect((await fetch(`${server.url}${pathname}`, { method: "POST" })).status).not.toBe(404);
    }
    const methods = ["none", "client_secret_post", "client_secret_basic", "private_key_jwt"];
    expect(document).toMatchObject({
      client_id_metadata_document_supported: true,
      grant_types_supported: ["authorization_code", "refresh_token"],
      token_endpoint_auth_methods_supported: methods,
      token_endpoint_auth_signing_alg_values_supported: ["ES256", "RS256"],
      revocation_endpoint_auth_methods_supported: methods,
      introspection_endpoint_auth_methods_supported: methods.slice(1),
    });
  });

  test("D10: the OpenID alias satisfies the SDK's strict schema and still asks for PKCE", async () => {
    const document = await read("/.well-known/openid-configuration");
    expect(OpenIdProviderMetadataSchema.safeParse(document).error).toBeUndefined();
    expect(document["code_challenge_methods_supported"]).toEqual(["S256"]);
    expect(await read(new URL(String(document["jwks_uri"])).pathname)).toEqual({ keys: [] });
  });

  for (const path of [
    "/.well-known/oauth-authorization-server/mcp",
    "/.well-known/oauth-authorization-server/sse",
    "/.well-known/openid-configuration/mcp",
    "/mcp/.well-known/openid-configuration",
    "/mcp/.well-known/oauth-authorization-server",
    "/token/.well-known/openid-configuration",
  ]) {
    test(`D11: ${path} answers with the same issuer`, async () => {
      expect(await read(path)).toMatchObject({ issuer: ISSUER, token_endpoint: `${ISSUER}/token` });
    });
  }

  test("D13: an unknown well-known path is a 404 in JSON", async () => {
    const response = await fetch(`${server.url}/.well-known/openai-apps-challenge`);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: "not_found" });
  });

  test("D14: an unknown protocol version header is ignored", async () => {
    for (const version of ["2024-11-05", "banana"]) {
      await read("/.well-known/oauth-protected-resource/mcp", {
        headers: { "MCP-Protocol-Version": version },
      });
    }
  });

  test("D16: a forged Host or forwarding header changes no document and no challenge", async () => {
    const headers = { Host: "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http" };
    const plain = await read("/.well-known/oauth-authorization-server");
    expect(await read("/.well-known/oauth-authorization-server", { headers })).toEqual(plain);
    const challenged = await fetch(`${server.url}/mcp`, { headers });
    expect(challenged.headers.get("www-authenticate")).toContain(`="${ISSUER}/`);
  });

  for (const publicUrl of [
    "http://mcp.example.com",
    "https://mcp.example.com/",
    "https://h/path",
    "not a url",
  ]) {
    test(`D17: "${publicUrl}" is refused as an issuer`, () => {
      expect(() => checkIssuer(publicUrl)).toThrow("cannot be an OAuth issuer");
    });
  }
});

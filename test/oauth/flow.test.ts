import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { auth, type OAuthClientProvider } from "@modelcontextprotocol/client";
import {
  auth as authV1,
  type OAuthClientProvider as ProviderV1,
} from "@modelcontextprotocol/sdk/client/auth.js";
import * as oauth from "oauth4webapi";
import { describeApp, startDocumentHost } from "./document-host.ts";
import {
  approve,
  CALLBACK,
  callResource,
  type Harness,
  type Json,
  postForm,
  startServer,
} from "./harness.ts";

let server: Harness;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.stop());

// The library marks this option as deprecated only to make its use stand out.
const insecure = { [oauth.allowInsecureRequests]: true } as const;

/** From the challenge to the tokens as a strict client goes. */
async function connectStrictly(method: "none" | "client_secret_post" | "client_secret_basic") {
  const resource = new URL(`${server.issuer}/mcp`);
  const metadata = await oauth.processResourceDiscoveryResponse(
    resource,
    await oauth.resourceDiscoveryRequest(resource, insecure),
  );
  const issuer = new URL(metadata.authorization_servers?.[0] ?? "");
  const as = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure }),
  );
  const registration = {
    client_name: "Strict",
    redirect_uris: [CALLBACK],
    token_endpoint_auth_method: method,
  };
  const client = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(as, registration, insecure),
  );
  const login = {
    none: () => oauth.None(),
    client_secret_post: () => oauth.ClientSecretPost(client["client_secret"] as string),
    client_secret_basic: () => oauth.ClientSecretBasic(client["client_secret"] as string),
  }[method]();
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const query = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: CALLBACK,
    response_type: "code",
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    resource: resource.href,
    scope: "mcp offline_access",
  });
  const reply = oauth.validateAuthResponse(as, client, await approve(server.url, query.toString()), state);
  const tokens = await oauth.processAuthorizationCodeResponse(
    as,
    client,
    await oauth.authorizationCodeGrantRequest(as, client, login, reply, CALLBACK, verifier, insecure),
  );
  return { as, client, login, tokens };
}

for (const method of ["none", "client_secret_post", "client_secret_basic"] as const) {
  test(`oauth4webapi goes all the way with ${method}: discover, register, approve, redeem, refresh, revoke`, async () => {
    const { as, client, login, tokens } = await connectStrictly(method);
    expect((await callResource(server.url, tokens.access_token)).status).toBe(200);
    const refreshed = await oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, login, tokens.refresh_token ?? "", insecure),
    );
    expect((await callResource(server.url, refreshed.access_token)).status).toBe(200);
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, login, refreshed.refresh_token ?? "", insecure),
    );
    expect((await callResource(server.url, refreshed.access_token)).status).toBe(401);
  });
}

describe("the MCP SDKs' own clients", () => {
  /** Keeps what the SDK hands over, as an application would. */
  function createProvider() {
    const kept: { authorizationUrl?: URL; [name: string]: unknown } = {};
    return {
      kept,
      redirectUrl: CALLBACK,
      clientMetadata: {
        client_name: "SDK",
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
      },
      clientInformation: () => kept["client"],
      saveClientInformation: (client: unknown) => void (kept["client"] = client),
      tokens: () => kept["tokens"],
      saveTokens: (tokens: unknown) => void (kept["tokens"] = tokens),
      redirectToAuthorization: (url: URL) => void (kept.authorizationUrl = url),
      saveCodeVerifier: (verifier: string) => void (kept["verifier"] = verifier),
      codeVerifier: () => String(kept["verifier"]),
      state: () => "sdk-state",
    };
  }

  for (const [version, run] of Object.entries({
    "2": (provider: unknown, options: object) =>
      auth(provider as OAuthClientProvider, options as Parameters<typeof auth>[1]),
    "1": (provider: unknown, options: object) =>
      authV1(provider as ProviderV1, options as Parameters<typeof authV1>[1]),
  })) {
    test(`R2: version ${version} connects with a metadata document, and registers nothing`, async () => {
      const host = startDocumentHost();
      await server.stop();
      server = await startServer({ get: host.get });
      const clientMetadataUrl = host.serve("/sdk.json", describeApp(host.url("/sdk.json")));
      const provider = { ...createProvider(), clientMetadataUrl };
      const serverUrl = `${server.issuer}/mcp`;
      expect(await run(provider, { serverUrl })).toBe("REDIRECT");
      const authorization = provider.kept.authorizationUrl?.searchParams;
      expect(authorization?.get("client_id")).toBe(clientMetadataUrl);
      const reply = await approve(server.url, authorization?.toString() ?? "");
      const { code = "", iss = "" } = Object.fromEntries(reply.searchParams);
      expect(await run(provider, { serverUrl, authorizationCode: code, iss })).toBe("AUTHORIZED");
      const tokens = provider.kept["tokens"] as Json;
      expect((await callResource(server.url, String(tokens["access_token"]))).status).toBe(200);
      await host.stop();
    });
  }

  test("version 2 connects, and refreshes", async () => {
    const provider = createProvider();
    const typed = provider as unknown as OAuthClientProvider;
    const serverUrl = `${server.issuer}/mcp`;
    expect(await auth(typed, { serverUrl })).toBe("REDIRECT");
    const reply = await approve(server.url, provider.kept.authorizationUrl?.search.slice(1) ?? "");
    const authorizationCode = reply.searchParams.get("code") ?? "";
    const iss = reply.searchParams.get("iss") ?? "";
    expect(await auth(typed, { serverUrl, authorizationCode, iss })).toBe("AUTHORIZED");
    const first = provider.kept["tokens"] as Json;
    expect((await callResource(server.url, String(first["access_token"]))).status).toBe(200);
    expect(first["scope"]).toBe("mcp offline_access");
    expect(await auth(typed, { serverUrl })).toBe("AUTHORIZED");
    const second = provider.kept["tokens"] as Json;
    expect(second["refresh_token"]).not.toBe(first["refresh_token"]);
  });

  test("version 1 connects, and refreshes", async () => {
    const provider = createProvider();
    const typed = provider as unknown as ProviderV1;
    const serverUrl = `${server.issuer}/mcp`;
    expect(await authV1(typed, { serverUrl })).toBe("REDIRECT");
    const reply = await approve(server.url, provider.kept.authorizationUrl?.search.slice(1) ?? "");
    const authorizationCode = reply.searchParams.get("code") ?? "";
    expect(await authV1(typed, { serverUrl, authorizationCode })).toBe("AUTHORIZED");
    const first = provider.kept["tokens"] as Json;
    expect((await callResource(server.url, String(first["access_token"]))).status).toBe(200);
    expect(await authV1(typed, { serverUrl })).toBe("AUTHORIZED");
    expect((provider.kept["tokens"] as Json)["refresh_token"]).not.toBe(first["refresh_token"]);
  });
});

test("D12: a client of 2025-03-26, without metadata or resource, finds everything at the origin", async () => {
  const { url } = server;
  const registered = await fetch(`${url}/register`, {
    method: "POST",
    body: JSON.stringify({ redirect_uris: [CALLBACK], token_endpoint_auth_method: "none" }),
  });
  const { client_id } = (await registered.json()) as { client_id: string };
  const verifier = oauth.generateRandomCodeVerifier();
  const query = new URLSearchParams({
    client_id,
    response_type: "code",
    redirect_uri: CALLBACK,
    code_challenge_method: "S256",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  });
  const code = (await approve(url, query.toString())).searchParams.get("code") ?? "";
  const fields = { grant_type: "authorization_code", client_id, code, code_verifier: verifier };
  const tokens = (await (await postForm(url, "/token", fields)).json()) as { access_token: string };
  for (const path of ["/mcp", "/sse"]) {
    expect((await callResource(url, tokens.access_token, path)).status).toBe(200);
  }
});

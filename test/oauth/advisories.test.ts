// Flaws that were found in comparable software, tried here. Each test is named by its advisory.
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { post } from "../eras/wire.ts";
import { type Program, startProgram } from "../program.ts";
import { fixture, INITIALIZE } from "../eras/wire.ts";
import { exposeThroughCloudflared } from "../tunnel/through-cloudflared.ts";
import {
  approve,
  authorizeQuery,
  CALLBACK,
  CHALLENGE,
  callResource,
  connect,
  errorOf,
  type Harness,
  type Json,
  obtainCode,
  openPage,
  postForm,
  redeem,
  refresh,
  register,
  registerClient,
  startServer,
  submitPage,
  TOKEN,
} from "./harness.ts";

setDefaultTimeout(60_000);

describe("the authorization server", () => {
  let server: Harness;
  let client: string;
  beforeEach(async () => {
    server = await startServer();
    client = await registerClient(server.url);
  });
  afterEach(() => server.stop());

  test("CVE-2025-4143 (workers-oauth-provider): the redirect URI is checked before the page and again at the decision", async () => {
    const evil = authorizeQuery(client, { redirect_uri: "https://evil.example/" });
    expect((await openPage(server.url, evil)).response.status).toBe(400);
    const page = await openPage(server.url, authorizeQuery(client));
    const swapped = await submitPage(server.url, { ...page, fields: { ...page.fields, query: evil } });
    expect([swapped.status, swapped.headers.get("location")]).toEqual([400, null]);
  });

  test("CVE-2025-4144 (workers-oauth-provider): PKCE cannot be dropped on either side", async () => {
    for (const overrides of [
      { code_challenge: undefined, code_challenge_method: undefined },
      { code_challenge: "" },
    ]) {
      const { response } = await openPage(server.url, authorizeQuery(client, overrides));
      expect(new URL(response.headers.get("location") ?? "").searchParams.get("error")).toBe(
        "invalid_request",
      );
    }
    const code = await obtainCode(server.url, client);
    const fields = { grant_type: "authorization_code", client_id: client, code };
    for (const more of [{}, { code_verifier: "" }, { code_verifier: CHALLENGE }]) {
      expect((await postForm(server.url, "/token", { ...fields, ...more })).status).toBe(400);
    }
  });

  test("workers-oauth-provider 0.0.7 to 0.8: no script redirect, no foreign revocation, no cache, no act before the checks", async () => {
    expect((await register(server.url, { redirect_uris: ["javascript:alert(1)"] })).status).toBe(400);
    const tokens = await connect(server.url, client);
    const other = await registerClient(server.url);
    await postForm(server.url, "/revoke", { client_id: other, token: tokens.refresh_token });
    expect((await callResource(server.url, tokens.access_token)).status).toBe(200);
    const code = await obtainCode(server.url, client);
    const refused = await redeem(server.url, other, code);
    expect(refused.headers.get("cache-control")).toBe("no-store");
    expect((await redeem(server.url, client, code)).status).toBe(200);
  });

  test("CVE-2025-6514 (mcp-remote): every URL that is handed to clients is a plain one of our own", async () => {
    const document = (await (
      await fetch(`${server.url}/.well-known/oauth-authorization-server`)
    ).json()) as Json;
    for (const [name, value] of Object.entries(document).filter(([name]) => name.endsWith("_endpoint"))) {
      expect([name, String(value)]).toEqual([
        name,
        expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/[a-z]+$/),
      ]);
    }
  });

  test("CVE-2025-58444 (MCP Inspector): no redirect URI makes a browser run anything", async () => {
    for (const uri of ["javascript:alert(1)//https://a.example", "data:text/html,<script>", "vbscript:x"]) {
      expect(await errorOf(await register(server.url, { redirect_uris: [uri] }))).toBe(
        "invalid_redirect_uri",
      );
      expect(
        (await openPage(server.url, authorizeQuery(client, { redirect_uri: uri }))).response.status,
      ).toBe(400);
    }
  });

  test("GHSA-c2jp-c369-7pvx (FastMCP): each client is approved by itself, in a browser that approved another one, too", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    expect((await submitPage(server.url, page)).status).toBe(303);
    const evil = await registerClient(server.url, { redirect_uris: ["https://evil.example/cb"] });
    const query = authorizeQuery(evil, { redirect_uri: "https://evil.example/cb" });
    const { response, html } = await openPage(server.url, query, { Cookie: page.cookie });
    expect([response.status, response.headers.get("location")]).toEqual([200, null]);
    expect(html).toContain("evil.example");
  });

  test("CVE-2026-27124 (FastMCP), CVE-2026-45337 (better-auth): a page shown to one browser cannot be decided in another", async () => {
    const attacker = await openPage(server.url, authorizeQuery(client));
    const victim = await openPage(server.url, authorizeQuery(client));
    for (const page of [
      { ...attacker, cookie: victim.cookie },
      { ...victim, cookie: attacker.cookie },
      { ...attacker, cookie: "" },
    ]) {
      const response = await submitPage(server.url, page);
      expect([response.status, response.headers.get("location")]).toEqual([403, null]);
    }
    expect(server.events).toEqual([]);
  });

  test("CVE-2025-69196 (FastMCP): a token for another resource is never issued and never taken", async () => {
    const query = authorizeQuery(client, { resource: "https://other.example/mcp" });
    const { response } = await openPage(server.url, query);
    expect(new URL(response.headers.get("location") ?? "").searchParams.get("error")).toBe("invalid_target");
    const code = await obtainCode(server.url, client);
    expect(await errorOf(await redeem(server.url, client, code, { resource: server.issuer }))).toBe(
      "invalid_target",
    );
    const moved = await startServer({ store: server.store, publicUrl: "https://moved.example" });
    const { access_token } = await connect(server.url, client);
    expect((await callResource(moved.url, access_token)).status).toBe(401);
    await moved.stop();
  });

  test("GHSA-xg6x-h9c9-2m83 (better-auth): no code is issued before the last step has succeeded", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    for (const typed of [
      { token: "wrong", decision: "approve" },
      { token: TOKEN },
      { decision: "approve" },
    ]) {
      const response = await submitPage(server.url, page, typed);
      expect(response.headers.get("location")).toBeNull();
    }
    expect(server.events.filter(({ state }) => state === "approved")).toEqual([]);
  });

  test("better-auth #5459: the plain method and a missing one are refused; #10946: a listed app's own scheme is accepted", async () => {
    for (const code_challenge_method of ["plain", undefined]) {
      const { response } = await openPage(server.url, authorizeQuery(client, { code_challenge_method }));
      expect(new URL(response.headers.get("location") ?? "").searchParams.get("error")).toBe(
        "invalid_request",
      );
    }
    const redirect_uris = ["cursor://anysphere.cursor-mcp/oauth/callback"];
    expect((await register(server.url, { redirect_uris })).status).toBe(201);
  });

  test("CVE-2025-68158, CVE-2025-68481, CVE-2025-65107: a form from another origin approves nothing", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    const { csrf: _, ...forged } = page.fields;
    for (const fields of [
      forged,
      { ...forged, csrf: "" },
      { ...forged, csrf: `${Number.MAX_SAFE_INTEGER}.AAAA` },
    ]) {
      expect((await submitPage(server.url, { cookie: page.cookie, fields })).status).toBe(403);
    }
    const [first, second] = await Promise.all([1, 2].map(() => openPage(server.url, authorizeQuery(client))));
    expect(first?.cookie).not.toBe(second?.cookie);
  });

  test("CVE-2026-0621 (TypeScript SDK): no text from a stranger takes long to parse", async () => {
    const long = "a ".repeat(15_000);
    const nested = "[".repeat(20_000);
    const startedAt = performance.now();
    await openPage(
      server.url,
      authorizeQuery(client, { scope: long.slice(0, 6000), state: "x".repeat(6000) }),
    );
    await register(server.url, { redirect_uris: [`https://a.example/${"/..".repeat(600)}`], scope: long });
    await postForm(server.url, "/token", { client_id: "x", scope: long, code: "%".repeat(10_000) });
    await fetch(`${server.url}/register`, { method: "POST", body: nested });
    const headers = {
      Authorization: `Bearer ${"=".repeat(8000)}x`,
      Cookie: `mcp-expose=${"; ".repeat(2000)}`,
    };
    await fetch(`${server.url}/mcp`, { headers });
    await fetch(`${server.url}/authorize?${authorizeQuery(client)}`, { headers });
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  test("arXiv 2605.22333: registration gives a client no access without a person, and its name and address are shown", async () => {
    const evil = await registerClient(server.url, {
      client_name: "Claude",
      redirect_uris: ["https://evil.example/cb"],
    });
    expect((await redeem(server.url, evil, "guess")).status).toBe(400);
    expect((await refresh(server.url, evil, "guess")).status).toBe(400);
    const { html } = await openPage(
      server.url,
      authorizeQuery(evil, { redirect_uri: "https://evil.example/cb" }),
    );
    expect(html).toContain("evil.example");
    expect(html).toContain("mcp-expose does not know");
    const denied = await approve(server.url, authorizeQuery(client), { decision: "deny" });
    expect(denied.searchParams.get("error")).toBe("access_denied");
    expect(denied.href).toStartWith(CALLBACK);
  });
});

describe("the whole program", () => {
  let program: Program;
  const start = (...words: string[]) =>
    startProgram(["--tunnel", "none", "--token", TOKEN, ...words, fixture("obedient")]);
  beforeAll(async () => {
    program = await start();
  });
  afterAll(async () => void (await program?.stop()));

  test("CVE-2026-33032 (nginx-ui): every route needs a token except those that have to be open", async () => {
    const { url } = program.ready;
    const open = [
      "/healthz",
      "/.well-known/oauth-protected-resource",
      "/.well-known/oauth-authorization-server",
    ];
    for (const path of open) expect((await fetch(new URL(path, url))).status).toBe(200);
    const closed = ["/mcp", "/mcp/", "/mcp?x=1", "/sse", "/messages", "/messages?sessionId=x"];
    for (const path of closed) {
      for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]) {
        const response = await fetch(new URL(path, url), { method });
        expect([path, method, response.status]).toEqual([path, method, 401]);
      }
    }
    for (const path of [
      "/",
      "/metrics",
      "/readyz",
      "/admin",
      "/mcp/x",
      "//mcp",
      "/MCP",
      "/%6dcp",
      "/mcp%2f",
    ]) {
      expect((await post(new URL(`/.${path}`, url).href, INITIALIZE)).status).toBeOneOf([401, 404]);
    }
  });

  test("fastmcp #1466: /mcp/ is answered in place, since a redirect loses the token", async () => {
    const issuer = program.ready.issuer ?? "";
    const { access_token } = await connect(issuer, await registerClient(issuer));
    for (const path of ["/mcp", "/mcp/"]) {
      const headers = { authorization: `Bearer ${access_token}` };
      const response = await post(new URL(path, issuer).href, INITIALIZE, headers);
      expect([path, response.status, response.redirected]).toEqual([path, 200, false]);
    }
  });

  /** Guesses the token under ever new forwarding headers, at the port or at a tunnel's own door. */
  async function guess(
    issuer: string,
    headersOf: (index: number) => Record<string, string>,
    unix?: string,
  ): Promise<number[]> {
    const client = await registerClient(issuer);
    const page = await openPage(issuer, authorizeQuery(client));
    const statuses: number[] = [];
    for (let i = 0; i < 20; i += 1) {
      const response = await fetch(`${issuer}/authorize`, {
        method: "POST",
        redirect: "manual",
        ...(unix !== undefined && { unix }),
        headers: { Cookie: page.cookie, ...headersOf(i) },
        body: new URLSearchParams({ ...page.fields, token: `guess ${i}`, decision: "approve" }),
      });
      statuses.push(response.status);
    }
    return statuses;
  }

  test("CVE-2026-45364 (better-auth): a forwarding header that no proxy has set does not make a new guesser", async () => {
    const issuer = program.ready.issuer ?? "";
    const statuses = await guess(issuer, (index) => ({ "X-Forwarded-For": `198.51.100.${index}` }));
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.at(-1)).toBe(429);
  });

  test("CVE-2026-45364 (better-auth): behind a tunnel only the address the tunnel saw counts, IPv6 by its /64", async () => {
    await using tunneled = await exposeThroughCloudflared([fixture("obedient")]);
    const { program, socket } = tunneled;
    const local = new URL(program.ready.local).origin;
    const forge = (index: number) => ({
      "X-Forwarded-For": `203.0.113.${index}, 2001:db8:0:1::${index.toString(16)}`,
    });
    const statuses = await guess(local, forge, socket);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    const elsewhere = await guess(local, () => ({ "X-Forwarded-For": "2001:db8:0:2::1" }), socket);
    expect(elsewhere[0]).toBe(401);
  });

  test("CVE-2025-49596 (MCP Inspector), CVE-2026-23744 (MCPJam): only this machine can reach it, and no page of another origin", async () => {
    expect(new URL(program.ready.local).hostname).toBe("127.0.0.1");
    const evil = await post(program.ready.url, INITIALIZE, { origin: "https://evil.example" });
    expect(evil.status).toBe(403);
    const rebound = await fetch(program.ready.url, { headers: { host: "evil.example" } });
    expect(rebound.status).toBe(403);
  });
});

// Pages of the assistants call from a person's browser: what they may ask, and what they get to read (WHATWG Fetch, "CORS").
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ASSISTANT_ORIGINS } from "../../src/http/assistant-origins.ts";
import { fixture, INITIALIZE, listen, post } from "../eras/wire.ts";
import { connect, registerClient, TOKEN } from "../oauth/harness.ts";
import { type Program, startProgram } from "../program.ts";

setDefaultTimeout(60_000);

const NAMED = [
  "https://claude.ai",
  "https://chatgpt.com",
  "https://chat.openai.com",
  "https://vscode.dev",
  "https://github.dev",
  "https://www.cursor.com",
  "https://inspector.modelcontextprotocol.io",
  "http://localhost:6274",
];
const OWN = "https://app.example";

let program: Program;
let issuer: string;
let token: string;
const start = (auth: string) => {
  const own = auth === "none" ? [] : ["--token", TOKEN];
  return startProgram([
    "--tunnel",
    "none",
    "--auth",
    auth,
    ...own,
    "--allow-origin",
    OWN,
    fixture("obedient"),
  ]);
};
beforeAll(async () => {
  program = await start("oauth");
  issuer = program.ready.issuer ?? "";
  token = (await connect(issuer, await registerClient(issuer))).access_token;
});
afterAll(() => program.stop());

/** The preflight that a browser sends before a page's request. */
function preflight(path: string, origin: string, method: string): Promise<Response> {
  return fetch(issuer + path, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": method,
      "access-control-request-headers": "authorization,content-type,mcp-protocol-version,mcp-session-id",
    },
  });
}

const listOf = (response: Response, header: string) =>
  (response.headers.get(header) ?? "").split(",").map((each) => each.trim().toLowerCase());

/** Whether the page may read the answer, and of its headers those it needs. */
function expectReadable(response: Response): void {
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  // With it "*" would not count, and cookies of ours would go along.
  expect(response.headers.get("access-control-allow-credentials")).toBeNull();
  expect(listOf(response, "access-control-expose-headers")).toEqual(
    expect.arrayContaining(["mcp-session-id", "mcp-protocol-version", "www-authenticate", "retry-after"]),
  );
}

describe.each([...new Set([...NAMED, ...ASSISTANT_ORIGINS, OWN])])("a page of %s", (origin) => {
  test("found 35: may ask everything that it takes to connect, where a token is needed", async () => {
    const bearer = { origin, authorization: `Bearer ${token}` };
    const refused = await post(`${issuer}/mcp`, INITIALIZE, { origin });
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
      401,
      expect.stringContaining("Bearer"),
    ]);
    expectReadable(refused);
    const opened = await post(`${issuer}/mcp`, INITIALIZE, bearer);
    expect([opened.status, opened.headers.get("mcp-session-id")]).toEqual([200, expect.any(String)]);
    expectReadable(opened);
    const sse = await fetch(`${issuer}/sse`, { headers: bearer });
    expect(sse.status).toBe(200);
    expectReadable(sse);
    const stream = listen(sse);
    const { data } = await stream.nextEvent();
    const posted = await post(new URL(data, issuer).href, INITIALIZE, bearer);
    expect(posted.status).toBe(202);
    expectReadable(posted);
    await stream.close();
  });

  test("found 35: learns so by a preflight, at every path that a client in a browser needs", async () => {
    const asked = { "/mcp": ["POST", "GET", "DELETE"], "/sse": ["GET"], "/messages": ["POST"] };
    const oauth = { "/register": ["POST"], "/token": ["POST"], "/revoke": ["POST"] };
    const documents = ["/oauth-protected-resource/mcp", "/oauth-authorization-server"];
    const paths = {
      ...asked,
      ...oauth,
      ...Object.fromEntries(documents.map((path) => [`/.well-known${path}`, ["GET"]])),
    };
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of methods) {
        const answer = await preflight(path, origin, method);
        expect([path, answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([
          path,
          204,
          "*",
        ]);
        expect(listOf(answer, "access-control-allow-methods")).toContain(method.toLowerCase());
        expect(listOf(answer, "access-control-allow-headers")).toEqual(
          expect.arrayContaining(["authorization", "content-type", "mcp-protocol-version", "mcp-session-id"]),
        );
      }
    }
    for (const path of documents) {
      const document = await fetch(`${issuer}/.well-known${path}`, { headers: { origin } });
      expect(document.status).toBe(200);
      expectReadable(document);
    }
  });
});

test("found 35: a page of an assistant can register and ask for tokens, and read why it does not get any", async () => {
  const origin = "https://claude.ai";
  const body = JSON.stringify({ redirect_uris: ["https://claude.ai/api/mcp/auth_callback"] });
  const headers = { origin, "content-type": "application/json" };
  const registered = await fetch(`${issuer}/register`, { method: "POST", headers, body });
  expect(registered.status).toBe(201);
  expectReadable(registered);
  const form = new URLSearchParams({ grant_type: "authorization_code", code: "x", client_id: "x" });
  const refused = await fetch(`${issuer}/token`, { method: "POST", headers: { origin }, body: form });
  expect(await refused.json()).toMatchObject({ error: "invalid_client" });
  expectReadable(refused);
});

const FOREIGN = [
  "https://evil.example",
  "http://claude.ai",
  "https://claude.ai:8443",
  "https://claude.ai.evil.example",
  "https://evil.claude.ai",
  "https://evilclaude.ai",
  "null",
];

test.each(FOREIGN)("found 35: a page of %s gets 403, with a token or without", async (origin) => {
  for (const path of ["/mcp", "/messages?sessionId=x"])
    for (const more of [{}, { authorization: `Bearer ${token}` }]) {
      const response = await post(issuer + path, INITIALIZE, { origin, ...more });
      expect(response.status).toBe(403);
      expect(await response.text()).toContain("--allow-origin");
    }
});

test("found 35: only our own page may call the approval page", async () => {
  for (const path of ["/authorize", "/authorize/return"]) {
    const answer = await preflight(path, "https://claude.ai", "POST");
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  }
});

test.each(["none", "optional"])(
  "found 35: with --auth %s, where a page could call without a token, origins have to be allowed",
  async (auth) => {
    await using open = await start(auth);
    for (const origin of ASSISTANT_ORIGINS)
      expect((await post(open.ready.url, INITIALIZE, { origin })).status).toBe(403);
    expect((await post(open.ready.url, INITIALIZE, { origin: OWN })).status).toBe(200);
  },
);

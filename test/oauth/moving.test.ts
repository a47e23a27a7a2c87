// A tunnel came back under another URL: what is bound to the URL follows it, and everything else lives on.
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  authorizeQuery,
  callResource,
  connect,
  type Harness,
  type Json,
  openPage,
  postForm,
  refresh,
  registerClient,
  startServer,
  submitPage,
  TOKEN,
} from "./harness.ts";

const ELSEWHERE = "https://moved.example";
const SECRET = "s8Rk3Yp0Wv5Mn2Ud9Xe4Jz";
const right = { token: TOKEN, decision: "approve" };
const wrong = { token: "guess", decision: "approve" };

let server: Harness;
let client: string;
beforeEach(async () => {
  server = await startServer({ introspectSecret: SECRET });
  client = await registerClient(server.url, { client_name: "Some App" });
});
afterEach(() => server.stop());

const read = async (path: string) => (await (await fetch(server.url + path)).json()) as Json;

test("documents, challenges and answers name the new URL", async () => {
  const page = await openPage(server.url, authorizeQuery(client));
  server.moveTo(ELSEWHERE);
  for (const path of ["", "/mcp", "/sse"]) {
    expect(await read(`/.well-known/oauth-protected-resource${path}`)).toMatchObject({
      resource: ELSEWHERE + (path || "/mcp"),
      authorization_servers: [ELSEWHERE],
    });
    expect(await read(`/.well-known/oauth-authorization-server${path}`)).toMatchObject({
      issuer: ELSEWHERE,
      token_endpoint: `${ELSEWHERE}/token`,
      protected_resources: [`${ELSEWHERE}/mcp`, `${ELSEWHERE}/sse`],
    });
  }
  expect(await read("/.well-known/openid-configuration")).toMatchObject({ issuer: ELSEWHERE });
  const challenge = (await fetch(`${server.url}/sse`)).headers.get("www-authenticate");
  expect(challenge).toContain(`resource_metadata="${ELSEWHERE}/.well-known/oauth-protected-resource/sse"`);
  const landing = await fetch(`${server.url}/mcp`, { headers: { Accept: "text/html" } });
  expect(await landing.text()).toContain(`${ELSEWHERE}/mcp<`);
  // The cookie of an https origin has a name that no other host can set.
  const shown = await openPage(server.url, authorizeQuery(client));
  expect(shown.cookie).toStartWith("__Host-");
  expect(shown.html).toContain(`${ELSEWHERE}/mcp`);
  const location = (await submitPage(server.url, shown, right)).headers.get("location") ?? "";
  expect(new URL(location).searchParams.get("iss")).toBe(ELSEWHERE);
  expect((await submitPage(server.url, page, right)).status).toBe(403);
});

test("tokens for the old URL are worth nothing, and tokens for the new one are good", async () => {
  const old = await connect(server.url, client);
  const introspect = async (token: string) =>
    (
      await postForm(server.url, "/introspect", { client_id: "introspection", client_secret: SECRET, token })
    ).json();
  expect((await callResource(server.url, old.access_token)).status).toBe(200);
  server.moveTo(ELSEWHERE);
  expect((await callResource(server.url, old.access_token)).status).toBe(401);
  expect((await refresh(server.url, client, old.refresh_token)).status).toBe(400);
  expect(await introspect(old.access_token)).toEqual({ active: false });
  const fresh = await connect(server.url, client);
  expect((await callResource(server.url, fresh.access_token)).status).toBe(200);
  expect(await introspect(fresh.access_token)).toMatchObject({ active: true, iss: ELSEWHERE });
  server.moveTo(server.issuer);
  expect((await callResource(server.url, old.access_token)).status).toBe(200);
  expect((await callResource(server.url, fresh.access_token)).status).toBe(401);
});

test("a source that has to wait waits on, and a browser that has signed in before is still known", async () => {
  const query = authorizeQuery(client);
  const known = await openPage(server.url, query);
  expect((await submitPage(server.url, known, right)).status).toBe(303);
  const strange = await openPage(server.url, query);
  for (let i = 0; i < 10; i += 1) expect((await submitPage(server.url, strange, wrong)).status).toBe(401);
  // Another loopback name, so that the cookie keeps its own.
  server.moveTo(server.url.replace("127.0.0.1", "localhost"));
  expect((await submitPage(server.url, strange, right)).status).toBe(429);
  expect((await submitPage(server.url, known, right)).status).toBe(303);
});

test("a grant that ends is announced to those who listened before the move", async () => {
  server.moveTo(ELSEWHERE);
  const { refresh_token } = await connect(server.url, client);
  await postForm(server.url, "/revoke", { client_id: client, token: refresh_token });
  expect(server.revoked).toHaveLength(1);
});

// Rules that only the whole program can keep: what is around the authorization server and behind it.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createFolder, type Folder } from "../cli/process.ts";
import { fixture, INITIALIZE, listen, openSession, post } from "../eras/wire.ts";
import { type Program, runProgram, startProgram } from "../program.ts";
import { describeApp } from "./document-host.ts";
import {
  authorizeQuery,
  connect,
  obtainCode,
  openPage,
  postForm,
  registerClient,
  submitPage,
  TOKEN,
  type Tokens,
  until,
  VERIFIER,
} from "./harness.ts";

setDefaultTimeout(60_000);

const WORDS = ["--tunnel", "none", "--token", TOKEN];
const SECRET = "s8Rk3Yp0Wv5Mn2Ud9Xe4Jz";
const CLIENT_SECRET = "r7Qk2Zp9Xv4Lm1Tc8Wd3Hy";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

let folder: Folder;
let program: Program;
let issuer: string;
let client: string;
/** The output of the start, with the credentials to paste. */
let banner: number;
beforeAll(async () => {
  folder = await createFolder();
  const own = ["--client-id", "known", "--client-secret", CLIENT_SECRET, "--introspect-secret", SECRET];
  const words = [
    ...WORDS,
    ...own,
    "--store",
    join(folder.path, "state.db"),
    "--verbose",
    fixture("obedient"),
  ];
  program = await startProgram(words);
  issuer = program.ready.issuer ?? "";
  await until(() => program.stderr().includes("codex mcp add"));
  banner = program.stderr().length;
  client = await registerClient(issuer);
});
afterAll(async () => {
  await program?.stop();
  await folder[Symbol.asyncDispose]();
});

const bearer = ({ access_token }: Tokens) => ({ authorization: `Bearer ${access_token}` });

describe("a browser page elsewhere", () => {
  const preflight = { Origin: "https://app.example", "Access-Control-Request-Method": "POST" };

  for (const path of [
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/register",
    "/token",
    "/revoke",
    "/mcp",
  ]) {
    test(`D15: may ask ${path}, and read the answer with its challenge`, async () => {
      const asked = await fetch(`${issuer}${path}`, { method: "OPTIONS", headers: preflight });
      expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([204, "*"]);
      const got = await fetch(`${issuer}${path}`, { headers: { Origin: "http://localhost:6274" } });
      expect(got.headers.get("access-control-allow-origin")).toBe("*");
      expect(got.headers.get("access-control-expose-headers")).toContain("WWW-Authenticate");
      expect(got.headers.get("access-control-allow-credentials")).toBeNull();
    });
  }

  test("D15, A15: may not ask /authorize", async () => {
    const asked = await fetch(`${issuer}/authorize`, { method: "OPTIONS", headers: preflight });
    expect(asked.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("S8: may not call, with a good token either, nor under a name that was bound to us", async () => {
    const headers = bearer(await connect(issuer, client));
    expect(
      (await post(program.ready.url, INITIALIZE, { ...headers, origin: "https://evil.example" })).status,
    ).toBe(403);
    expect((await post(program.ready.url, INITIALIZE, { ...headers, host: "evil.example" })).status).toBe(
      403,
    );
  });
});

test("D1: opened in a browser, the URL shows a page, with the challenge", async () => {
  const shown = await fetch(program.ready.url, { headers: { Accept: "text/html, */*" } });
  expect([shown.status, shown.headers.get("content-type")]).toEqual([401, "text/html; charset=utf-8"]);
  expect(shown.headers.get("www-authenticate")).toContain(`resource_metadata="${issuer}/.well-known/`);
  expect(await shown.text()).toContain(program.ready.url);
});

test("D1: the challenge comes before every other check", async () => {
  const bodies = ["", "{", "[]", "x".repeat(100), JSON.stringify(INITIALIZE)];
  for (const body of bodies) {
    for (const headers of [
      { Accept: "image/png" },
      { "MCP-Protocol-Version": "1999-01-01" },
      { "Content-Type": "text/css" },
    ]) {
      const response = await fetch(program.ready.url, { method: "POST", body, headers });
      expect([body, response.status]).toEqual([body, 401]);
      expect(response.headers.get("www-authenticate")).toContain(`resource_metadata="${issuer}/.well-known/`);
    }
  }
});

test("S2: no credential reaches the server's environment, arguments or messages, the log, the events or the store", async () => {
  const code = await obtainCode(issuer, client);
  const tokens = await connect(issuer, client);
  const session = await openSession(program.ready.url, bearer(tokens));
  const { result: environment } = await session.call("env", { name: "MCP_EXPOSE_TOKEN" });
  const { result: seen } = await session.call("history");
  const { result } = await session.call("pid");
  const child = String((result as { pid: number }).pid);
  const processes = [child, String(program.pid)].map((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1"));
  const store = ["state.db", "state.db-wal"].map((name) => readFileSync(join(folder.path, name), "latin1"));
  const [, ...events] = program.events;
  const places = {
    environment: JSON.stringify(environment) + readFileSync(`/proc/${child}/environ`, "latin1"),
    messages: JSON.stringify(seen),
    arguments: processes[0] ?? "",
    log: program.stderr().slice(banner),
    events: JSON.stringify(events),
    store: store.join(""),
  };
  for (const secret of [
    tokens.access_token,
    tokens.refresh_token,
    code,
    VERIFIER,
    TOKEN,
    SECRET,
    CLIENT_SECRET,
  ]) {
    for (const [place, text] of Object.entries(places))
      expect([place, text.includes(secret)]).toEqual([place, false]);
  }
  // Other users cannot see tokens, since none was ever an argument.
  for (const { access_token } of [tokens]) expect(processes.join("")).not.toContain(access_token);
});

test("S6: a stream that is open ends when its token is revoked, and others do not", async () => {
  const [goes, stays] = [await connect(issuer, client), await connect(issuer, client)];
  const open = async (tokens: Tokens) =>
    listen(await (await openSession(program.ready.url, bearer(tokens))).listen());
  const [ending, lasting] = [await open(goes), await open(stays)];
  await postForm(issuer, "/revoke", { client_id: client, token: goes.access_token });
  await ending.ended();
  expect((await post(program.ready.url, INITIALIZE, bearer(stays))).status).toBe(200);
  await lasting.close();
});

test("S6: a stream does not outlive its token", async () => {
  await using brief = await startProgram([...WORDS, "--access-ttl", "2s", fixture("obedient")]);
  const origin = brief.ready.issuer ?? "";
  const tokens = await connect(origin, await registerClient(origin));
  const stream = listen(await (await openSession(brief.ready.url, bearer(tokens))).listen());
  await stream.ended();
  expect((await post(brief.ready.url, INITIALIZE, bearer(tokens))).status).toBe(401);
});

test("S7: a session is its principal's, over HTTP+SSE, too", async () => {
  const [own, foreign] = [await connect(issuer, client), await connect(issuer, await registerClient(issuer))];
  const session = await openSession(program.ready.url, bearer(own));
  const body = { jsonrpc: "2.0", id: 1, method: "ping" };
  expect((await session.send(body, bearer(foreign))).status).toBe(404);
  expect(
    (
      await fetch(program.ready.url, {
        method: "DELETE",
        headers: { ...bearer(foreign), "mcp-session-id": session.id },
      })
    ).status,
  ).toBe(404);
  expect((await session.send(body)).status).toBe(200);
  const again = await connect(issuer, client);
  expect((await session.send(body, bearer(again))).status).toBe(200);
  const stream = listen(await fetch(program.ready.sse, { headers: bearer(own) }));
  const { data } = await stream.nextEvent();
  expect((await post(new URL(data, program.ready.sse).href, INITIALIZE, bearer(foreign))).status).toBe(404);
  expect((await post(new URL(data, program.ready.sse).href, INITIALIZE, bearer(own))).status).toBe(202);
  await stream.close();
});

test("A11: events of grants are written with --json, without a secret", async () => {
  const id = await registerClient(issuer, { client_name: "Audited" });
  const denied = await openPage(issuer, authorizeQuery(id));
  await submitPage(issuer, denied, { decision: "deny" });
  await submitPage(issuer, denied, { token: "wrong", decision: "approve" });
  const tokens = await connect(issuer, id);
  await postForm(issuer, "/token", {
    grant_type: "refresh_token",
    client_id: id,
    refresh_token: tokens.refresh_token,
  });
  await postForm(issuer, "/revoke", { client_id: id, token: tokens.refresh_token });
  await program.next(
    (event) => event.event === "grant" && event["state"] === "revoked" && event["clientId"] === id,
  );
  const told = program.events.filter((event) => event.event === "grant" && event.clientId === id);
  const shared = { clientId: id, clientName: "Audited" };
  const asked = { ...shared, scopes: ["mcp"], destination: "127.0.0.1:4444", source: "127.0.0.1" };
  const grant = { ...shared, subject: "owner", grantId: expect.stringMatching(/^[0-9a-f]{16}$/) };
  expect(told as object[]).toEqual([
    { event: "grant", state: "denied", ...asked },
    { event: "grant", state: "login-failed", ...asked },
    { event: "grant", state: "approved", ...asked, subject: "owner" },
    { event: "grant", state: "issued", ...grant, scopes: ["mcp"] },
    { event: "grant", state: "refreshed", ...grant, scopes: ["mcp"] },
    { event: "grant", state: "revoked", ...grant, reason: "client" },
  ]);
});

test("found 9: A23: an open registration does not send a browser anywhere from here", async () => {
  const redirect_uri = "https://phishing.example/cb";
  const id = await registerClient(issuer, { client_name: "Known Assistant", redirect_uris: [redirect_uri] });
  for (const wrong of [{ prompt: "none" }, { scope: '"' }, { resource: "x" }, { code_challenge: "x" }]) {
    const { response, html } = await openPage(issuer, authorizeQuery(id, { redirect_uri, ...wrong }));
    expect([response.status, response.headers.get("location")]).toEqual([400, null]);
    expect(html).toContain("phishing.example");
  }
});

test("T4, T9: a code or refresh token that is used twice is reported as a replay, and the terminal warns", async () => {
  const id = await registerClient(issuer, { client_name: "Robbed" });
  const code = await obtainCode(issuer, id);
  const fields = { grant_type: "authorization_code", client_id: id, code, code_verifier: VERIFIER };
  for (let i = 0; i < 2; i += 1) await postForm(issuer, "/token", fields);
  const told = await program.next((event) => event.event === "grant" && event["reason"] === "replay");
  expect(told).toMatchObject({ state: "revoked", clientName: "Robbed", subject: "owner" });
  await until(() => program.stderr().includes('"Robbed" was used twice'));
});

test("S10: --introspect-secret lets a gateway ask about every token", async () => {
  const { access_token: token } = await connect(issuer, client);
  const caller = { client_id: "introspection", client_secret: SECRET };
  expect(await (await postForm(issuer, "/introspect", { token, ...caller })).json()).toMatchObject({
    active: true,
  });
});

test("found 6: T15: bogus proofs lock out no client with the right one, at any endpoint", async () => {
  const own = ["--client-id", "known", "--client-secret", CLIENT_SECRET, "--introspect-secret", SECRET];
  await using attacked = await startProgram([...WORDS, ...own, fixture("obedient")]);
  const url = attacked.ready.issuer ?? "";
  const ask = async (path: string, fields: Record<string, string>) =>
    (await postForm(url, path, { token: "x", ...fields })).status;
  const code = await obtainCode(url, "known");
  const right = { client_id: "known", client_secret: CLIENT_SECRET };
  const bogus: Record<string, string>[] = [
    { client_id: "known", client_secret: "guess" },
    { client_id: "known", client_assertion: "x.y.z", client_assertion_type: ASSERTION_TYPE },
  ];
  for (let i = 0; i < 320; i += 1) await ask("/revoke", bogus[i % 2] ?? {});
  for (let i = 0; i < 40; i += 1)
    await ask("/introspect", { client_id: "introspection", client_secret: "guess" });
  expect(await ask("/revoke", bogus[0] ?? {})).toBe(429);
  const fields = { grant_type: "authorization_code", code, code_verifier: VERIFIER };
  expect(await ask("/token", { ...right, ...fields })).toBe(200);
  expect(await ask("/revoke", right)).toBe(200);
  expect(await ask("/introspect", { client_id: "introspection", client_secret: SECRET })).toBe(200);
});

test("found 11: R11: an assertion for a number and a key off its curve are refused", async () => {
  const point = Buffer.alloc(32, 7).toString("base64url");
  const jwks = { keys: [{ kty: "EC", crv: "P-256", x: point, y: point, kid: "k" }] };
  const host = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) =>
      Response.json(describeApp(url, { token_endpoint_auth_method: "private_key_jwt", jwks })),
  });
  const id = `http://127.0.0.1:${host.port}/app.json`;
  const env = { MCP_EXPOSE_ALLOW_PRIVATE_FETCH: "1" };
  await using open = await startProgram([...WORDS, fixture("obedient")], { env });
  const url = open.ready.issuer ?? "";
  await obtainCode(url, id);
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  for (const sub of [5, null, [id], { id }, id]) {
    const client_assertion = `${encode({ alg: "ES256", kid: "k" })}.${encode({ sub })}.${"A".repeat(86)}`;
    for (const more of [{}, { client_id: id }]) {
      const proof = { client_assertion, client_assertion_type: ASSERTION_TYPE, ...more };
      const response = await postForm(url, "/token", { grant_type: "authorization_code", ...proof });
      expect([sub, more, response.status]).toEqual([sub, more, 401]);
    }
  }
  await host.stop(true);
});

describe("documents of clients", () => {
  test("R13: --allow-client none turns them off", async () => {
    await using off = await startProgram([...WORDS, "--allow-client", "none", fixture("obedient")]);
    const metadata = await (await fetch(`${off.ready.issuer}/.well-known/oauth-authorization-server`)).json();
    expect(metadata).not.toHaveProperty("client_id_metadata_document_supported");
  });

  for (const [what, words] of [
    ["--deny-client", ["--deny-client", "claude.ai"]],
    ["--allow-client", ["--allow-client", "chatgpt.com", "--allow-client", "vscode.dev"]],
  ] as const) {
    test(`R13: ${what} decides whose count`, async () => {
      await using limited = await startProgram([...WORDS, ...words, fixture("obedient")]);
      const query = authorizeQuery("https://claude.ai/oauth/mcp-oauth-client-metadata", {
        redirect_uri: "https://claude.ai/api/mcp/auth_callback",
      });
      expect((await openPage(limited.ready.issuer ?? "", query)).response.status).toBe(400);
    });
  }

  test("found 16: R13: a denied host is denied in every spelling, on the command line and in an id", async () => {
    const denied = ["claude.ai.", "CHATGPT.com", "vscode\u3002dev", "b\u00fccher.example"];
    const words = denied.flatMap((host) => ["--deny-client", host]);
    await using limited = await startProgram([...WORDS, "--verbose", ...words, fixture("obedient")]);
    const ids = [
      "https://claude.ai/oauth/mcp-oauth-client-metadata",
      "https://claude.ai./oauth/mcp-oauth-client-metadata",
      "https://claude.ai../oauth/mcp-oauth-client-metadata",
      "https://CLAUDE.AI:443/oauth/mcp-oauth-client-metadata",
      "https://www.claude.ai./app.json",
      "https://chatgpt.com/oauth/client.json",
      "https://vscode.dev./oauth/client-metadata.json",
      "https://xn--bcher-kva.example/app.json",
    ];
    for (const id of ids) {
      const { response } = await openPage(limited.ready.issuer ?? "", authorizeQuery(id));
      expect([id, response.status]).toEqual([id, 400]);
    }
    // Refused by its name, before a name server is asked.
    await until(() => limited.stderr().split("refused: bad-document").length > ids.length);
  });

  test("R4: are not fetched from this machine, unless a test says so, and that not together with a tunnel", async () => {
    let fetches = 0;
    const host = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ url }) => {
        fetches += 1;
        return Response.json(describeApp(url));
      },
    });
    const id = `http://127.0.0.1:${host.port}/app.json`;
    expect((await openPage(issuer, authorizeQuery(id))).response.status).toBe(400);
    for (const name of ["127.0.0.1", "localhost"]) {
      const secure = `https://${name}:${host.port}/app.json`;
      expect((await openPage(issuer, authorizeQuery(secure))).response.status).toBe(400);
    }
    expect(fetches).toBe(0);
    const env = { MCP_EXPOSE_ALLOW_PRIVATE_FETCH: "1" };
    await using open = await startProgram([...WORDS, fixture("obedient")], { env });
    const tokens = await connect(open.ready.issuer ?? "", id);
    expect((await post(open.ready.url, INITIALIZE, bearer(tokens))).status).toBe(200);
    const refused = await runProgram(["--tunnel", "ngrok", "--ngrok-authtoken", "x", fixture("obedient")], {
      env,
    });
    expect([refused.exitCode, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toContain("MCP_EXPOSE_ALLOW_PRIVATE_FETCH");
    await host.stop(true);
  });
});

test("A17: failed tries from the same address do not lock out who pastes the token of this run", async () => {
  const words = ["--public-url", "https://proxied.example", fixture("obedient")];
  await using proxied = await startProgram(words);
  const local = new URL(proxied.ready.local).origin;
  const { credential } = proxied.ready;
  const token = credential?.kind === "token" ? credential.token : "";
  const page = await openPage(local, authorizeQuery(await registerClient(local)));
  const statuses: number[] = [];
  for (let i = 0; i < 12; i += 1)
    statuses.push((await submitPage(local, page, { token: `guess ${i}`, decision: "approve" })).status);
  expect(statuses.slice(9)).toEqual([401, 429, 429]);
  expect((await submitPage(local, page, { token, decision: "approve" })).status).toBe(303);
});

describe("a table of scopes that is wrong", () => {
  for (const [what, scopes] of Object.entries<unknown>({
    "is not a table": ["write"],
    "has a name that is none": { "a b": { tools: ["x"] } },
    "takes mcp": { mcp: { tools: ["x"] } },
    "says nothing of a scope": { write: {} },
    "has an unknown key": { write: { tool: ["x"] } },
    "has a hint that is not a boolean": { write: { readOnlyHint: "no" } },
    "has tools that are not a list": { write: { tools: "x" } },
  })) {
    test(`S5: that ${what} is refused with one clear line`, async () => {
      await using bad = await createFolder();
      await bad.write("mcp-oauth.config.json", JSON.stringify({ scopes }));
      const { exitCode, stdout, stderr } = await runProgram([...WORDS, fixture("obedient")], {
        cwd: bad.path,
      });
      expect([exitCode, stdout]).toEqual([2, ""]);
      expect(stderr).toContain("mcp-oauth.config.json");
      expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
    });
  }
});

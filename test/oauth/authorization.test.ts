import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../src/log.ts";
import { createPastedToken } from "../../src/oauth/sign-in/pasted-token.ts";
import { listGrants } from "../../src/oauth/tokens/grants.ts";
import {
  approve,
  authorizeQuery,
  CALLBACK,
  CHALLENGE,
  connect,
  type Harness,
  HOUR,
  MINUTE,
  openPage,
  postForm,
  redeem,
  registerClient,
  startServer,
  submitPage,
  TOKEN,
  type Tokens,
} from "./harness.ts";

let server: Harness;
let client: string;
beforeEach(async () => {
  server = await startServer();
  client = await registerClient(server.url, { client_name: "Some App" });
});
afterEach(() => server.stop());

/** The answer a client gets at its redirect URI. */
async function replyTo(query: string): Promise<URLSearchParams> {
  const { response } = await openPage(server.url, query);
  expect(response.status).toBe(303);
  const location = response.headers.get("location") ?? "";
  expect(location).toStartWith(`${CALLBACK}?`);
  return new URL(location).searchParams;
}

describe("where an answer may go", () => {
  const wrong: Record<string, () => string> = {
    "no client_id": () => authorizeQuery(client, { client_id: undefined }),
    "an unknown client_id": () => authorizeQuery("0".repeat(32)),
    "a client_id of __proto__": () => authorizeQuery("__proto__"),
    "a client_id that is a URL": () => authorizeQuery("https://chatgpt.com/oauth/client.json"),
    "no redirect_uri": () => authorizeQuery(client, { redirect_uri: undefined }),
    "an unregistered redirect_uri": () => authorizeQuery(client, { redirect_uri: "https://evil.example/" }),
    "two client_ids": () => `${authorizeQuery(client)}&client_id=${client}`,
    "two redirect_uris": () => `${authorizeQuery(client)}&redirect_uri=${encodeURIComponent(CALLBACK)}`,
  };
  for (const [what, query] of Object.entries(wrong)) {
    test(`A1: ${what} is answered with a page, never with a redirect`, async () => {
      const { response, html } = await openPage(server.url, query());
      expect(response.status).toBe(400);
      expect(response.headers.get("location")).toBeNull();
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(html).toContain("This connection cannot be made");
    });

    test(`A1: ${what} is refused when the decision is sent, too`, async () => {
      const page = await openPage(server.url, authorizeQuery(client));
      const response = await submitPage(server.url, { ...page, fields: { ...page.fields, query: query() } });
      expect(response.status).toBe(400);
      expect(response.headers.get("location")).toBeNull();
    });
  }

  const matrix: Record<string, Record<string, boolean>> = {
    "http://127.0.0.1/callback": {
      "http://127.0.0.1/callback": true,
      "http://127.0.0.1:3118/callback": true,
      "http://127.0.0.1:0/callback": false,
      "http://127.0.0.1:99999/callback": false,
      "http://127.0.0.1:3118/callback/": false,
      "http://127.0.0.1:3118/Callback": false,
      "http://127.0.0.1:3118/callback?x=1": false,
      "http://127.0.0.1:3118/callback#x": false,
      "http://127.0.0.1:3118/x/../callback": false,
      "http://127.0.0.1:3118\\@evil.example/callback": false,
      "http://127.0.0.1:1@evil.example/callback": false,
      "http://127.0.0.1.evil.example/callback": false,
      "http://127.1/callback": false,
      "http://2130706433/callback": false,
      "http://localhost:3118/callback": false,
      "http://[::1]:3118/callback": false,
      "https://127.0.0.1:3118/callback": false,
      "HTTP://127.0.0.1:3118/callback": false,
    },
    "http://localhost:8787/callback": {
      "http://localhost:1/callback": true,
      "http://localhost.evil.example/callback": false,
      "http://localhost:8787@evil.example/callback": false,
      "http://127.0.0.1:8787/callback": false,
    },
    "http://127.0.0.1/": {
      "http://127.0.0.1:33418/": true,
      "http://127.0.0.1:33418": true,
      "http://127.0.0.1/x": false,
    },
    "http://[::1]:5/cb": { "http://[::1]:6/cb": true, "http://[::2]:6/cb": false },
    "https://app.example/cb?tenant=1": {
      "https://app.example/cb?tenant=1": true,
      "https://app.example/cb": false,
      "https://app.example:443/cb?tenant=1": false,
      "https://APP.example/cb?tenant=1": false,
      "https://app.example/cb?tenant=1&x=2": false,
      "https://app.example.evil.example/cb?tenant=1": false,
    },
    "https://chatgpt.com/connector/oauth/one": { "https://chatgpt.com/connector/oauth/two": false },
    "cursor://anysphere.cursor-mcp/oauth/callback": { "cursor://anysphere.cursor-mcp/oauth/callback": true },
  };
  for (const [registered, cases] of Object.entries(matrix)) {
    for (const [presented, isFine] of Object.entries(cases)) {
      test(`A2: registered ${registered}, ${presented} ${isFine ? "gets the answer" : "is refused"}`, async () => {
        const id = await registerClient(server.url, { redirect_uris: [registered] });
        const page = await openPage(server.url, authorizeQuery(id, { redirect_uri: presented }));
        expect(page.response.status).toBe(isFine ? 200 : 400);
        if (!isFine) return;
        const location = (await submitPage(server.url, page)).headers.get("location");
        expect(location).toStartWith(`${presented}${presented.includes("?") ? "&" : "?"}code=`);
      });
    }
  }
});

describe("errors of a request go back to the client with state and iss", () => {
  const wrong: Record<string, [error: string, overrides: Record<string, string | undefined>]> = {
    "A3: no response_type": ["invalid_request", { response_type: undefined }],
    "A3: an implicit request": ["unsupported_response_type", { response_type: "token" }],
    "A3: a hybrid request": ["unsupported_response_type", { response_type: "code id_token" }],
    "A3: another response mode": ["invalid_request", { response_mode: "fragment" }],
    "A4: no challenge": ["invalid_request", { code_challenge: undefined }],
    "A4: neither challenge nor method": [
      "invalid_request",
      { code_challenge: undefined, code_challenge_method: undefined },
    ],
    "A4: no method": ["invalid_request", { code_challenge_method: undefined }],
    "A4: method plain": ["invalid_request", { code_challenge_method: "plain" }],
    "A4: method in lower case": ["invalid_request", { code_challenge_method: "s256" }],
    "A4: a short challenge": ["invalid_request", { code_challenge: CHALLENGE.slice(1) }],
    "A4: a padded challenge": ["invalid_request", { code_challenge: `${CHALLENGE}=` }],
    "A7: a request object": ["request_not_supported", { request: "x.y.z" }],
    "A7: a request object by reference": ["request_uri_not_supported", { request_uri: "https://a/b" }],
    "A8: a foreign resource": ["invalid_target", { resource: "https://other.example/mcp" }],
    "A8: a relative resource": ["invalid_target", { resource: "/mcp" }],
    "A9: a malformed scope": ["invalid_scope", { scope: 'mcp "quoted"' }],
    "A19: prompt=none": ["login_required", { prompt: "none" }],
  };
  for (const [what, [error, overrides]] of Object.entries(wrong)) {
    test(`${what} is ${error}`, async () => {
      const reply = await replyTo(authorizeQuery(client, overrides));
      expect(Object.fromEntries(reply)).toMatchObject({ error, state: "s1", iss: server.issuer });
      expect(reply.has("code")).toBe(false);
    });
  }

  for (const name of [
    "scope",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "x_unknown",
    "__proto__",
  ]) {
    test(`A7: ${name} sent twice is invalid_request`, async () => {
      const query = `${authorizeQuery(client, { scope: "mcp" })}&${name}=a&${name}=a`;
      expect((await replyTo(query)).get("error")).toBe("invalid_request");
    });
  }

  test("A7: a state sent twice is invalid_request without any state", async () => {
    const reply = await replyTo(`${authorizeQuery(client)}&state=other`);
    expect(reply.get("error")).toBe("invalid_request");
    expect(reply.has("state")).toBe(false);
  });

  test("A6, A11: denying gives access_denied with state and iss, and needs no credential", async () => {
    const reply = await approve(server.url, authorizeQuery(client), { decision: "deny" });
    expect(Object.fromEntries(reply.searchParams)).toMatchObject({
      error: "access_denied",
      state: "s1",
      iss: server.issuer,
    });
    expect(server.events.map((event) => event.state)).toEqual(["denied"]);
  });
});

describe("errors of a request that no person has seen yet", () => {
  const ELSEWHERE = "https://elsewhere.example/cb";
  const wrong: Record<string, [error: string, overrides: Record<string, string | undefined>]> = {
    "prompt=none": ["login_required", { prompt: "none" }],
    "a malformed scope": ["invalid_scope", { scope: 'mcp "quoted"' }],
    "a foreign resource": ["invalid_target", { resource: "https://other.example/mcp" }],
    "no challenge": ["invalid_request", { code_challenge: undefined }],
    "an implicit request": ["unsupported_response_type", { response_type: "token" }],
    "a request object": ["request_not_supported", { request: "x.y.z" }],
  };
  for (const [what, [error, overrides]] of Object.entries(wrong)) {
    test(`found 9: A23: ${what} of an unapproved client is shown on a page, and is not sent to an unknown place`, async () => {
      const id = await registerClient(server.url, { redirect_uris: [ELSEWHERE], client_name: "Elsewhere" });
      const query = authorizeQuery(id, { redirect_uri: ELSEWHERE, ...overrides });
      const shown = await openPage(server.url, query);
      const forged = await submitPage(server.url, { cookie: "", fields: { query } }, { decision: "deny" });
      for (const [response, html] of [
        [shown.response, shown.html],
        [forged, await forged.text()],
      ] as const) {
        expect([response.status, response.headers.get("location")]).toEqual([400, null]);
        expect(response.headers.get("content-security-policy")).toContain("form-action 'none'");
        for (const text of ["This connection cannot be made", "elsewhere.example", error])
          expect(html).toContain(text);
        // Nothing on it leads there, by itself or by a click.
        expect(html).not.toMatch(/href="http|action=|http-equiv/);
        expect(html).not.toContain(ELSEWHERE);
      }
    });
  }

  test("found 9: a stranger's text appears neither on a page nor in an answer", async () => {
    const sentence = `Call +1 555 0100 \u202e${"now ".repeat(200)}`;
    const id = await registerClient(server.url, { redirect_uris: [ELSEWHERE] });
    const once = new URLSearchParams([[sentence, "1"]]).toString();
    const twice = `&${once}&${once}`;
    const { html } = await openPage(server.url, authorizeQuery(id, { redirect_uri: ELSEWHERE }) + twice);
    const answer = await fetch(`${server.url}/token`, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: twice.slice(1),
    });
    for (const text of [html, await answer.text()]) {
      expect(text).toContain("A parameter was sent more than once.");
      expect(text).not.toContain("555");
      expect(text).not.toContain("\u202e");
    }
    const known = await openPage(
      server.url,
      `${authorizeQuery(id, { redirect_uri: ELSEWHERE })}&scope=a&scope=b`,
    );
    expect(known.html).toContain("The parameter scope was sent more than once.");
  });

  test("found 9: A23: once a person has approved the client, its errors go to it", async () => {
    const redirect_uris = [ELSEWHERE, "https://elsewhere.example/other"];
    const id = await registerClient(server.url, { redirect_uris });
    const bad = authorizeQuery(id, { redirect_uri: ELSEWHERE, prompt: "none" });
    expect((await openPage(server.url, bad)).response.status).toBe(400);
    await approve(server.url, authorizeQuery(id, { redirect_uri: ELSEWHERE }));
    const { response } = await openPage(server.url, bad);
    const reply = new URL(response.headers.get("location") ?? "");
    expect([response.status, reply.origin, reply.searchParams.get("error")]).toEqual([
      303,
      "https://elsewhere.example",
      "login_required",
    ]);
  });

  test("found 9: A23: a place that no approval sent its answer to gets no errors, nor does one of another server", async () => {
    const assistant = "https://claude.ai/api/mcp/auth_callback";
    const id = await registerClient(server.url, { redirect_uris: [assistant, ELSEWHERE] });
    const bad = authorizeQuery(id, { redirect_uri: ELSEWHERE, prompt: "none" });
    await approve(server.url, authorizeQuery(id, { redirect_uri: assistant }));
    expect((await openPage(server.url, bad)).response.status).toBe(400);
    const code = (
      await approve(server.url, authorizeQuery(id, { redirect_uri: ELSEWHERE }))
    ).searchParams.get("code");
    const other = await startServer({ store: server.store, serverId: "server-2" });
    expect((await openPage(other.url, bad)).response.status).toBe(400);
    const redeemed = await redeem(server.url, id, code ?? "", { redirect_uri: ELSEWHERE });
    const { refresh_token } = (await redeemed.json()) as Tokens;
    server.clock.now += HOUR / 2;
    expect((await openPage(server.url, bad)).response.status).toBe(303);
    await postForm(server.url, "/revoke", { client_id: id, token: refresh_token });
    expect((await openPage(server.url, bad)).response.status).toBe(400);
    await other.stop();
  });

  test("found 9: A23: a decision on the page sends the answer to any destination", async () => {
    const id = await registerClient(server.url, { redirect_uris: [ELSEWHERE] });
    const query = authorizeQuery(id, { redirect_uri: ELSEWHERE });
    const denied = await approve(server.url, query, { decision: "deny" });
    expect([denied.host, denied.searchParams.get("error")]).toEqual(["elsewhere.example", "access_denied"]);
  });

  test("found 9: A23: known assistants, this machine and what the owner allowed get their errors at once", async () => {
    const allowed = "https://allowed.example/cb";
    const own = await startServer({ allowRedirect: [allowed], clients: [{ id: "set up" }] });
    const places = ["https://claude.ai/api/mcp/auth_callback", CALLBACK, "http://localhost:1/cb", allowed];
    const id = await registerClient(own.url, { redirect_uris: places });
    for (const redirect_uri of places) {
      for (const client_id of [id, "set up"]) {
        const query = authorizeQuery(client_id, { redirect_uri, prompt: "none" });
        const { response } = await openPage(own.url, query);
        expect(response.headers.get("location")).toStartWith(`${redirect_uri}?error=login_required`);
      }
    }
    await own.stop();
  });
});

test("found 10: the approval page is shown while the store cannot be written", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mcp-expose-locked-"));
  const where = join(folder, "state.db");
  const own = await startServer({ where });
  const id = await registerClient(own.url);
  const other = new Database(where);
  other.run("BEGIN IMMEDIATE");
  const { response, html } = await openPage(own.url, authorizeQuery(id));
  expect([response.status, html.includes('name="csrf"')]).toEqual([200, true]);
  other.run("ROLLBACK");
  other.close();
  await own.stop();
  rmSync(folder, { recursive: true });
});

describe("a good request", () => {
  test("A6, A14: approving sends the code with state and iss by 303", async () => {
    const response = await submitPage(server.url, await openPage(server.url, authorizeQuery(client)));
    expect(response.status).toBe(303);
    const reply = new URL(response.headers.get("location") ?? "").searchParams;
    expect([...reply.keys()].sort()).toEqual(["code", "iss", "state"]);
    expect(reply.get("iss")).toBe(server.issuer);
    expect(reply.get("code")).toMatch(/^[\w-]{43}$/);
  });

  for (const state of [
    "%FF%00%0a",
    "a+b%20c",
    "%zz",
    "%C3%A4%F0%9F%98%80",
    "%26code%3Dx%23",
    "'()*!~",
    "x=y==",
    "é",
  ]) {
    test(`A5: the state ${state} comes back byte for byte`, async () => {
      const query = `${authorizeQuery(client, { state: undefined })}&state=${state}`;
      const response = await submitPage(server.url, await openPage(server.url, query));
      const sent = new URL(`http://x/?${state}`).search.slice(1);
      expect(response.headers.get("location")).toEndWith(`&state=${sent}`);
    });
  }

  test("A5: an empty or missing state is not sent back", async () => {
    for (const state of ["", undefined]) {
      const reply = await approve(server.url, authorizeQuery(client, { state }));
      expect(reply.searchParams.has("state")).toBe(false);
    }
  });

  const scopes: [asked: string | undefined, granted: string][] = [
    [undefined, "mcp"],
    ["", "mcp"],
    ["mcp", "mcp"],
    ["offline_access", "mcp offline_access"],
    ["openid profile offline_access mcp", "mcp offline_access"],
    ["__proto__", "mcp"],
  ];
  for (const [asked, granted] of scopes) {
    test(`A9: asking for ${JSON.stringify(asked)} is granted ${granted}`, async () => {
      expect((await connect(server.url, client, asked === undefined ? {} : { scope: asked })).scope).toBe(
        granted,
      );
    });
  }

  test("A8: the resource may be written in any equivalent form, several times, or not at all", async () => {
    const https = await startServer({ publicUrl: "https://host.example" });
    const id = await registerClient(https.url);
    const forms = [
      ["https://host.example/mcp", 200],
      ["https://host.example/mcp/", 200],
      ["HTTPS://Host.Example:443/mcp", 200],
      ["https://host.example/sse", 200],
      ["https://host.example/mcp#x", 303],
      ["https://host.example/mcp?v=2", 200],
      ["https://host.example/mcp?v=2&x=1", 303],
      ["https://host.example/mcp?x=1", 303],
      ["https://host.example/MCP", 303],
      ["https://host.example/", 303],
      ["https://host.example:8443/mcp", 303],
      ["http://host.example/mcp", 303],
      ["https://user@host.example/mcp", 303],
      ["host.example/mcp", 303],
    ] as const;
    for (const [resource, status] of forms) {
      expect([
        resource,
        (await openPage(https.url, authorizeQuery(id, { resource }))).response.status,
      ]).toEqual([resource, status]);
    }
    const both = `${authorizeQuery(id)}&resource=https://host.example/mcp?v=2&resource=https://host.example/sse`;
    expect((await openPage(https.url, both)).html).toContain("https://host.example/sse");
    expect((await openPage(https.url, `${both}&resource=https://other.example`)).response.status).toBe(303);
    expect((await openPage(https.url, authorizeQuery(id))).html).toContain("https://host.example/mcp");
    await https.stop();
  });

  test("A19: parameters that clients add for OpenID do no harm", async () => {
    const more = {
      prompt: "consent",
      login_hint: "ann",
      id_token_hint: "x.y.z",
      nonce: "n",
      max_age: "0",
      audience: "a",
    };
    expect((await openPage(server.url, authorizeQuery(client, more))).response.status).toBe(200);
  });

  test("A10: a browser that approved before is asked again", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    expect((await submitPage(server.url, page)).status).toBe(303);
    const again = await openPage(server.url, authorizeQuery(client), { Cookie: page.cookie });
    expect(again.response.status).toBe(200);
    expect(again.html).toContain('name="decision"');
    expect(
      (await submitPage(server.url, { ...again, cookie: page.cookie }, { decision: "approve" })).status,
    ).toBe(401);
  });
});

describe("the approval page", () => {
  test("A11: names the app, the destination of the answer, the server and the scopes", async () => {
    const { html } = await openPage(server.url, authorizeQuery(client, { scope: "mcp offline_access" }));
    for (const text of [
      "Some App",
      "127.0.0.1:4444",
      "everything",
      `${server.issuer}/mcp`,
      "stays connected",
    ]) {
      expect(html).toContain(text);
    }
    expect(html).toContain("Any program on your computer");
  });

  test("A11: distinguishes a known assistant's callback from one that only claims the name", async () => {
    const real = "https://claude.ai/api/mcp/auth_callback";
    const fake = "https://claude.ai.evil.example/api/mcp/auth_callback";
    const id = await registerClient(server.url, { client_name: "Claude", redirect_uris: [real, fake] });
    const known = (await openPage(server.url, authorizeQuery(id, { redirect_uri: real }))).html;
    const unknown = (await openPage(server.url, authorizeQuery(id, { redirect_uri: fake }))).html;
    expect(known).toContain("belongs to Claude");
    expect(known).not.toContain("not an assistant");
    expect(unknown).not.toContain("belongs to");
    expect(unknown).toContain("mcp-expose does not know");
  });

  test("A12, A20: cannot be framed, cached, named as a referrer, or load anything from another origin", async () => {
    const { response, html } = await openPage(server.url, authorizeQuery(client));
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toEndWith("; form-action 'self' https: http:");
    expect(response.headers.get("x-frame-options")).toBe("DENY");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(html).not.toMatch(/<script|src=|@import|url\(/);
  });

  test("A12: lets the form lead to an app's own scheme", async () => {
    const redirect_uri = "cursor://anysphere.cursor-mcp/oauth/callback";
    const id = await registerClient(server.url, { redirect_uris: [redirect_uri] });
    const { response } = await openPage(server.url, authorizeQuery(id, { redirect_uri }));
    expect(response.headers.get("content-security-policy")).toEndWith("cursor:");
  });

  test("A15: answers no preflight and allows no other origin", async () => {
    const headers = { Origin: "https://evil.example", "Access-Control-Request-Method": "POST" };
    for (const method of ["OPTIONS", "GET"]) {
      const response = await fetch(`${server.url}/authorize?${authorizeQuery(client)}`, { method, headers });
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("A16: a client's name is shown as text, with any content", async () => {
    const client_name = `<script>alert("1")</script>'"&\u202egnp.exe\u0000\u200b`;
    const id = await registerClient(server.url, { client_name });
    const { html } = await openPage(server.url, authorizeQuery(id, { state: '"><script>x</script>' }));
    expect(html).not.toContain("<script");
    expect(html).not.toContain("\u202e");
    expect(html).toContain("&lt;script&gt;");
    const long = await registerClient(server.url, { client_name: "😀".repeat(200) });
    expect((await openPage(server.url, authorizeQuery(long))).html).toContain(`${"😀".repeat(59)}…`);
  });
});

describe("a decision", () => {
  test("A13: needs the cookie of the browser that saw the page", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    const other = await openPage(server.url, authorizeQuery(client));
    for (const cookie of ["", other.cookie, "mcp-expose=short", page.cookie.slice(0, -1)]) {
      const response = await submitPage(server.url, { ...page, cookie });
      expect(response.status).toBe(403);
      expect(response.headers.get("location")).toBeNull();
    }
    expect(server.events).toEqual([]);
    expect((await submitPage(server.url, page)).status).toBe(303);
  });

  test("A13: needs the token of the page, for this very request, and in time", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    const elsewhere = await openPage(server.url, authorizeQuery(client, { state: "other" }), {
      Cookie: page.cookie,
    });
    const later = String(server.clock.now + 10 * HOUR);
    const forged = [undefined, "", "x", `${later}.x`, elsewhere.fields["csrf"]];
    forged.push(page.fields["csrf"]?.replace(/^\d+/, later));
    for (const csrf of forged) {
      const { csrf: _, ...fields } = page.fields;
      const sent = { ...fields, ...(csrf === undefined ? {} : { csrf }) };
      expect((await submitPage(server.url, { ...page, fields: sent })).status).toBe(403);
    }
    server.clock.now += 2 * HOUR;
    expect((await submitPage(server.url, page)).status).toBe(403);
  });

  test("A5: a forged form cannot put a line break into the answer's headers", async () => {
    const query = `${authorizeQuery(client, { response_type: "token", state: undefined })}&state=a\r\nX-Evil:1#`;
    const response = await submitPage(server.url, { cookie: "", fields: { query } });
    expect(response.status).toBe(303);
    expect(response.headers.get("x-evil")).toBeNull();
    expect(response.headers.get("location")).toEndWith("&state=a%0D%0AX-Evil:1%23");
  });

  test("A13: a denial cannot be forged either", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    const response = await submitPage(server.url, { ...page, cookie: "" }, { decision: "deny" });
    expect(response.status).toBe(403);
    expect(server.events).toEqual([]);
  });

  test("A13: the page that refuses a stale form works at once", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    server.clock.now += 2 * HOUR;
    const refused = await submitPage(server.url, page);
    const csrf = /name="csrf" value="([^"]+)"/.exec(await refused.text())?.[1] ?? "";
    const response = await submitPage(server.url, { ...page, fields: { ...page.fields, csrf } });
    expect(response.status).toBe(303);
  });

  test("A13: the cookie is HttpOnly, SameSite, and with https a __Host- one", async () => {
    const https = await startServer({ publicUrl: "https://host.example" });
    const page = await openPage(https.url, authorizeQuery(await registerClient(https.url)));
    const attributes = page.response.headers.get("set-cookie") ?? "";
    expect(attributes).toMatch(/^__Host-mcp-expose=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    expect((await submitPage(https.url, page)).status).toBe(303);
    await https.stop();
  });

  test("A13: without a button pressed nothing is decided", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    for (const typed of [
      { token: TOKEN },
      { token: TOKEN, decision: "APPROVE" },
      { token: TOKEN, decision: "" },
    ]) {
      expect((await submitPage(server.url, page, typed)).status).toBe(400);
    }
    expect(server.events).toEqual([]);
  });

  test("A7: repeated or oversized forms are refused with a page", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    const send = (body: string, type = "application/x-www-form-urlencoded") =>
      fetch(`${server.url}/authorize`, {
        method: "POST",
        body,
        redirect: "manual",
        headers: {
          "Content-Type": type,
          Cookie: page.cookie,
        },
      });
    const form = new URLSearchParams({ ...page.fields, token: TOKEN }).toString();
    expect((await send(`${form}&decision=deny&decision=approve`)).status).toBe(400);
    expect((await send("x".repeat(70_000))).status).toBe(400);
    expect((await send("{}", "application/json")).headers.get("content-type")).toStartWith("text/html");
    expect(
      (await send(`${form}&decision=approve`, "application/x-www-form-urlencoded;Charset=UTF-8")).status,
    ).toBe(303);
  });
});

describe("a name without visible characters", () => {
  const blanks = {
    "a zero-width space": "\u200b\u200b",
    "marks of direction": "\u202e\u2066\u200f",
    "a filler of Hangul": "\u3164",
    "a halfwidth filler of Hangul": "\uffa0 \u115f\u1160",
    "the empty pattern of Braille": "\u2800\u2800",
    "accents alone": "\u0301\u0308 \u20dd",
    "a joiner of graphemes": "\u034f",
    "variation selectors": "\ufe0f\u{e0100}",
    tags: "\u{e0041}\u{e0042}",
    "private characters": "\ue000\u{f0000}",
    "half a character": "\ud800",
    "a blank of Egypt and a musical one": "\u{13441}\u{1d159}",
    "spaces and a line break": "\u3000\u00a0\n\t",
    dots: ". .",
  };
  for (const [what, client_name] of Object.entries(blanks)) {
    test(`found 23: but ${what} is the host's on the page, in the terminal and in the list`, async () => {
      const redirect_uri = "https://app.example/callback";
      const id = await registerClient(server.url, { client_name, redirect_uris: [redirect_uri] });
      const { html } = await openPage(server.url, authorizeQuery(id, { redirect_uri }));
      expect(html).toContain("<h1>Connect app.example to everything?</h1>");
      expect(html).toContain("the app gives no readable name");
      const code = (await approve(server.url, authorizeQuery(id, { redirect_uri }))).searchParams.get("code");
      await redeem(server.url, id, code ?? "", { redirect_uri });
      expect(server.events.map((event) => event.clientName)).toEqual(["app.example", "app.example"]);
      expect((await listGrants(server.store, server.clock.now)).map((grant) => grant.clientName)).toEqual([
        "app.example",
      ]);
    });
  }

  test("found 23: and characters between letters that cannot be seen are not part of a name", async () => {
    const names = {
      "Clau\u200bde\u3164\u2800": "Claude",
      "\u202eedualC\u202c": "edualC",
      "Cafe\u0301": "Cafe\u0301",
      [`Z${"\u0301".repeat(200)}algo`]: `Z${"\u0301".repeat(4)}algo`,
      "\u0301 App": "App",
      नमस्ते: "नमस्ते",
      "🦆": "🦆",
    };
    for (const [client_name, shown] of Object.entries(names)) {
      const { html } = await openPage(
        server.url,
        authorizeQuery(await registerClient(server.url, { client_name })),
      );
      expect(html).toContain(`<h1>Connect ${shown} to everything?</h1>`);
    }
  });

  test("found 23: in an older store is the host's, too", async () => {
    const approval = {
      serverId: "server-1",
      clientId: client,
      subject: "owner",
      scopes: ["mcp"],
      resources: [`${server.url}/mcp`],
    };
    const now = server.clock.now;
    const code = {
      hash: "h",
      redirectUri: CALLBACK,
      challenge: CHALLENGE,
      source: "",
      clientName: "client",
      expiresAt: now + HOUR,
    };
    server.store.addCode({ ...approval, ...code }, now);
    const access = {
      hash: "a",
      grantId: "g",
      scopes: ["mcp"],
      resources: [],
      issuedAt: now,
      expiresAt: now + HOUR,
    };
    const times = { createdAt: now, renewedAt: now, usedAt: null, expiresAt: now + HOUR, endsAt: now + HOUR };
    const grant = {
      ...approval,
      ...times,
      id: "g",
      serverName: "everything",
      clientName: "\u3164",
      host: "app.example",
      source: "",
    };
    server.store.redeemCode("h", { grant, access }, now);
    expect((await listGrants(server.store, now)).map(({ clientName }) => clientName)).toEqual([
      "app.example",
    ]);
  });
});

describe("the credential", () => {
  const hash = (password: string) =>
    Bun.password.hash(password, { algorithm: "argon2id", memoryCost: 1024, timeCost: 1 });
  const withUsers = async () =>
    startServer({
      users: [
        { name: "ann", passwordHash: await hash("pässword 🔑") },
        { name: "bob", passwordHash: await hash("other") },
        { name: "eve", passwordHash: "not a hash" },
      ],
    });
  const decision = "approve";

  test("A17: a wrong, empty or missing token is reported on the page with 401", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    for (const token of ["wrong", "", TOKEN.slice(1), `${TOKEN}x`]) {
      const response = await submitPage(server.url, page, { token, decision });
      expect(response.status).toBe(401);
      expect(await response.text()).toContain("That is not the token.");
    }
    expect((await submitPage(server.url, page, { token: ` ${TOKEN}\n`, decision })).status).toBe(303);
    expect(server.events.map((event) => event.state)).toEqual([...Array(4).fill("login-failed"), "approved"]);
    expect(JSON.stringify([server.events, server.logged])).not.toContain(TOKEN);
  });

  test("A17: only a user's own password approves, and the grant is that user's", async () => {
    const users = await withUsers();
    const id = await registerClient(users.url);
    const page = await openPage(users.url, authorizeQuery(id));
    const wrong = [
      ["ann", "other"],
      ["bob", "pässword 🔑"],
      ["nobody", "pässword 🔑"],
      ["", ""],
      ["eve", "not a hash"],
      ["__proto__", "x"],
    ] as const;
    const told = new Set<string>();
    for (const [username, password] of wrong) {
      const response = await submitPage(users.url, page, { username, password, decision });
      expect(response.status).toBe(401);
      told.add(/role="alert"[^>]*>([^<]*)/.exec(await response.text())?.[1] ?? "");
    }
    expect([...told]).toEqual(["User name or password is wrong."]);
    expect((await submitPage(users.url, page, { token: "x", decision })).status).toBe(401);
    const reply = await submitPage(users.url, page, { username: "ann", password: "pässword 🔑", decision });
    const code = new URL(reply.headers.get("location") ?? "").searchParams.get("code") ?? "";
    expect((await redeem(users.url, id, code)).status).toBe(200);
    expect(users.events.at(-1)).toMatchObject({ state: "issued", subject: "ann" });
    await users.stop();
  });

  test("A17: an unknown name takes as long as a known one", async () => {
    const passwordHash = await Bun.password.hash("x", {
      algorithm: "argon2id",
      memoryCost: 65536,
      timeCost: 3,
    });
    const users = await startServer({
      users: [{ name: "ann", passwordHash }],
    });
    const page = await openPage(users.url, authorizeQuery(await registerClient(users.url)));
    const measure = async (username: string) => {
      const startedAt = performance.now();
      await submitPage(users.url, page, { username, password: "wrong", decision });
      return performance.now() - startedAt;
    };
    await measure("ann");
    const known = Math.min(await measure("ann"), await measure("ann"));
    const unknown = Math.min(await measure("nobody"), await measure("nobody"));
    // Without the hash it would take a hundredth; other work on the machine does not make that much of a difference.
    expect(unknown).toBeGreaterThan(known / 5);
    await users.stop();
  });

  test("found 24: every name costs the same hashes, at any cost of its own, or none", async () => {
    const strong = await Bun.password.hash("x", { algorithm: "argon2id", memoryCost: 2048, timeCost: 2 });
    const bcrypt = await Bun.password.hash("x", { algorithm: "bcrypt", cost: 4 });
    const broken = strong.replace(/[^$]+$/, "!");
    const passwords = { ann: await hash("x"), bob: strong, cat: bcrypt, dan: broken, eve: "not a hash" };
    const users = await startServer({
      users: Object.entries(passwords).map(([name, passwordHash]) => ({ name, passwordHash })),
    });
    const worked: string[] = [];
    const verify = Bun.password.verify;
    const spy = spyOn(Bun.password, "verify").mockImplementation(async (password, encoded) => {
      const isRight = await verify(password, encoded);
      worked.push((encoded as string).split("$").slice(0, -2).join("$"));
      return isRight;
    });
    try {
      const query = authorizeQuery(await registerClient(users.url));
      const costs: string[][] = [];
      for (const [username, password] of [...Object.keys(passwords), "nobody"].flatMap((name) => [
        [name, "wrong"] as const,
        [name, "x"] as const,
      ])) {
        worked.length = 0;
        users.clock.now += 11 * MINUTE;
        const page = await openPage(users.url, query);
        const { status } = await submitPage(users.url, page, { username, password, decision });
        const isRight = password === "x" && ["ann", "bob", "cat"].includes(username);
        expect([username, password, status]).toEqual([username, password, isRight ? 303 : 401]);
        costs.push(worked.toSorted());
      }
      expect(costs[0]).toHaveLength(3);
      expect(costs).toEqual(costs.map(() => costs[0] ?? []));
    } finally {
      spy.mockRestore();
      await users.stop();
    }
  });

  test("A17: successful attempts do not count", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    for (let i = 0; i < 60; i += 1) expect((await submitPage(server.url, page)).status).toBe(303);
  });

  test("A17: a hundred tries from one place are cut off, the right token included, and others are not", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    const statuses: number[] = [];
    for (let i = 0; i < 100; i += 1) {
      statuses.push((await submitPage(server.url, page, { token: `guess ${i}`, decision })).status);
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(90);
    const refused = await submitPage(server.url, page);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused.text()).toContain("Too many attempts. Wait 10 minutes");
    server.source.address = "2001:db8::1";
    expect((await submitPage(server.url, page)).status).toBe(303);
    server.source.address = "192.0.2.1";
    server.clock.now += 11 * MINUTE;
    expect((await submitPage(server.url, page)).status).toBe(303);
  });

  test("A17: the queue of password checks is limited, over all sources", async () => {
    let connections = 0;
    const passwordHash = await hash("x");
    const users = await startServer({
      users: [{ name: "ann", passwordHash }],
      sourceOf: () => `198.51.${(connections += 1)}.1`,
    });
    const page = await openPage(users.url, authorizeQuery(await registerClient(users.url)));
    const attempt = (_: unknown, index: number) =>
      submitPage(users.url, page, { username: `user ${index}`, password: "guess", decision });
    const statuses = (await Promise.all(Array.from({ length: 60 }, attempt))).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    expect((await attempt(null, 99)).status).toBe(401);
    await users.stop();
  });

  test("A17: an account guessed from many places is guarded, and its owner still gets in", async () => {
    const users = await withUsers();
    const page = await openPage(users.url, authorizeQuery(await registerClient(users.url)));
    const attempt = (username: string) =>
      submitPage(users.url, page, { username, password: "guess", decision });
    const statuses = (await Promise.all(Array.from({ length: 40 }, () => attempt("ann")))).map(
      (r) => r.status,
    );
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(10);
    for (let i = 0; i < 40; i += 1) {
      users.source.address = `198.51.100.${i}`;
      expect((await attempt("ann")).status).toBe(401);
    }
    users.source.address = "198.51.100.200";
    expect([(await attempt("ann")).status, (await attempt("ann")).status]).toEqual([401, 429]);
    expect(
      (await submitPage(users.url, page, { username: "ann", password: "pässword 🔑", decision })).status,
    ).toBe(429);
    users.source.address = "198.51.100.201";
    expect(
      (await submitPage(users.url, page, { username: "ann", password: "pässword 🔑", decision })).status,
    ).toBe(303);
    users.source.address = "203.0.113.9";
    expect((await attempt("bob")).status).toBe(401);
    await users.stop();
  });

  test("A17: a token that cannot be guessed gets in, however many attempts have failed from anywhere", async () => {
    const log = createLog({ level: "quiet", write: () => {}, color: false });
    const ours = await startServer({ signIn: createPastedToken({ token: TOKEN, isRandom: true, log }) });
    const page = await openPage(ours.url, authorizeQuery(await registerClient(ours.url)));
    const statuses: number[] = [];
    for (let i = 0; i < 20; i += 1)
      statuses.push((await submitPage(ours.url, page, { token: `guess ${i}`, decision })).status);
    expect(statuses).toEqual([...Array<number>(10).fill(401), ...Array<number>(10).fill(429)]);
    for (let i = 0; i < 1010; i += 1) {
      ours.source.address = `10.1.${i >> 8}.${i & 255}`;
      await submitPage(ours.url, page, { token: "guess", decision });
    }
    expect((await submitPage(ours.url, page, { token: "guess", decision })).status).toBe(429);
    expect((await submitPage(ours.url, page)).status).toBe(303);
    await ours.stop();
  });

  test("A17: a browser that has signed in before is counted by itself, for that account alone", async () => {
    const users = await withUsers();
    const query = authorizeQuery(await registerClient(users.url));
    const [known, strange] = [await openPage(users.url, query), await openPage(users.url, query)];
    const right = { username: "ann", password: "pässword 🔑", decision };
    const wrong = { ...right, password: "guess" };
    expect((await submitPage(users.url, known, right)).status).toBe(303);
    // Another person behind the same address, or one who forges it.
    for (let i = 0; i < 11; i += 1) await submitPage(users.url, strange, wrong);
    expect((await submitPage(users.url, strange, right)).status).toBe(429);
    expect((await submitPage(users.url, known, { ...right, username: "bob" })).status).toBe(429);
    expect((await submitPage(users.url, known, right)).status).toBe(303);
    const statuses: number[] = [];
    for (let i = 0; i < 11; i += 1) statuses.push((await submitPage(users.url, known, wrong)).status);
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429]);
    expect((await submitPage(users.url, known, right)).status).toBe(429);
    users.clock.now += 11 * MINUTE;
    expect((await submitPage(users.url, strange, right)).status).toBe(303);
    await users.stop();
  });

  test("A17: guessing one account is limited, even from a thousand places", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    const statuses: number[] = [];
    for (let i = 0; i < 1010; i += 1) {
      server.source.address = `10.1.${i >> 8}.${i & 255}`;
      statuses.push((await submitPage(server.url, page, { token: "guess", decision })).status);
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(1000);
    server.clock.now += 11 * MINUTE;
    expect((await submitPage(server.url, page)).status).toBe(303);
  });
});

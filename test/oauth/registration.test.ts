import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { groupNetwork } from "../../src/oauth/limits/source.ts";
import {
  authorizeQuery,
  CALLBACK,
  callResource,
  connect,
  errorOf,
  type Harness,
  HOUR,
  type Json,
  MINUTE,
  obtainCode,
  openPage,
  postForm,
  redeem,
  refresh,
  register,
  registerClient,
  type ShownPage,
  startServer,
  submitPage,
  type Tokens,
  VERIFIER,
} from "./harness.ts";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

let server: Harness;
beforeEach(async () => {
  server = await startServer({ allowRedirect: ["myapp:/callback"] });
});
afterEach(() => server.stop());

const post = (body: string | Uint8Array<ArrayBuffer>) =>
  fetch(`${server.url}/register`, { method: "POST", body });

/** One after the other, a millisecond apart, and each source after a while again. */
async function registerMany(count: number, sourceOf: (index: number) => string): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i += 1) {
    server.source.address = sourceOf(i);
    server.clock.now += 1;
    ids.push(await registerClient(server.url));
  }
  return ids;
}

describe("registration", () => {
  test("R14: a public client gets its id and everything that was registered, and no secret", async () => {
    const response = await register(server.url, {
      client_name: "Codex",
      application_type: "native",
      client_uri: "https://codex.example",
      logo_uri: "javascript:alert(1)",
      unknown_member: true,
      scope: "mcp offline_access openid",
    });
    expect(response.status).toBe(201);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const { client_id, client_id_issued_at, ...rest } = (await response.json()) as Json;
    expect(client_id).toMatch(/^[0-9a-f]{32}$/);
    expect(client_id_issued_at).toBe(server.clock.now / 1000);
    expect(rest).toEqual({
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      client_name: "Codex",
      application_type: "native",
      client_uri: "https://codex.example",
      scope: "mcp offline_access",
    });
  });

  for (const method of ["client_secret_post", "client_secret_basic", undefined]) {
    test(`R21: a client that asks for ${method ?? "nothing"} gets a secret that does not expire`, async () => {
      const metadata = (await (
        await register(server.url, { token_endpoint_auth_method: method })
      ).json()) as Json;
      expect(metadata["client_secret"]).toMatch(/^[\w-]{43}$/);
      expect(metadata["client_secret_expires_at"]).toBe(0);
      expect(metadata["token_endpoint_auth_method"]).toBe(method ?? "client_secret_basic");
    });
  }

  test("R15: Cursor's mixed list of redirect URIs is taken as a whole", async () => {
    const redirect_uris = [
      "cursor://anysphere.cursor-mcp/oauth/callback",
      "https://www.cursor.com/agents/mcp/oauth/callback",
      "http://localhost:8787/callback",
    ];
    const response = await register(server.url, { redirect_uris });
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ redirect_uris });
  });

  for (const uri of [
    "myapp:/callback",
    "https://anything.example/cb?x=1",
    "http://[::1]/cb",
    "http://localhost",
  ]) {
    test(`R15: ${uri} may be registered`, async () => {
      expect((await register(server.url, { redirect_uris: [uri] })).status).toBe(201);
    });
  }

  for (const uri of [
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "vbscript:x",
    "blob:https://a/b",
    "JavaScript://x/%0aalert(1)",
    "http://remote.example/cb",
    "http://localhost.evil.example/cb",
    "http://127.0.0.1@evil.example/cb",
    "http://127.0.0.1:1@evil.example/cb",
    "https://good.example./cb",
    "https://claude.ai./api/mcp/auth_callback",
    "https://user:pw@good.example/cb",
    "https://good.example/cb#fragment",
    "cursor://other/callback",
    "myapp:/callback/other",
    "/relative",
    "https:evil.example/cb",
    "https:/evil.example/cb",
    "https:\\\\evil.example\\cb",
    "https://good.example\\@evil.example/",
    "https://2130706433/cb",
    "https://evil%2eexample/cb",
    "https://good.example/a b",
    "https://good.example/\r\nSet-Cookie: a=b",
    `https://good.example/${"x".repeat(3000)}`,
    "",
  ]) {
    test(`R15: ${JSON.stringify(uri.slice(0, 60))} may not, not even next to a good one`, async () => {
      const response = await register(server.url, { redirect_uris: [CALLBACK, uri] });
      expect(response.status).toBe(400);
      expect(await errorOf(response)).toBe("invalid_redirect_uri");
    });
  }

  for (const [what, metadata] of Object.entries<Json>({
    "no redirect_uris": { redirect_uris: undefined },
    "empty redirect_uris": { redirect_uris: [] },
    "redirect_uris as text": { redirect_uris: CALLBACK },
    "a number among redirect_uris": { redirect_uris: [CALLBACK, 7] },
    "an unknown authentication method": { token_endpoint_auth_method: "private_key_jwt" },
    "an implicit client": { grant_types: ["implicit"], response_types: ["token"] },
    "a grant type without code": { grant_types: ["refresh_token"] },
    "a name that is not a string": { client_name: { toString: "x" } },
    "a name of 10,000 characters": { client_name: "x".repeat(10_000) },
  })) {
    test(`R14, R16: ${what} is refused`, async () => {
      const response = await register(server.url, metadata);
      expect(response.status).toBe(400);
      expect(await errorOf(response)).toBeOneOf(["invalid_redirect_uri", "invalid_client_metadata"]);
    });
  }

  test("R16: grant types that are not offered are left out", async () => {
    const response = await register(server.url, {
      grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
    });
    expect(await response.json()).toMatchObject({ grant_types: ["authorization_code", "refresh_token"] });
  });

  for (const body of ["", "null", "[]", '"x"', "{", "redirect_uris=x", "[".repeat(30_000)]) {
    test(`R14: the body ${JSON.stringify(body.slice(0, 20))} is refused as JSON`, async () => {
      const response = await post(body);
      expect(response.status).toBe(400);
      expect(await errorOf(response)).toBe("invalid_client_metadata");
    });
  }

  test("R14: a body that is too large or no UTF-8 is refused, and a byte order mark is not", async () => {
    expect((await post("x".repeat(70_000))).status).toBe(413);
    const latin1 = Buffer.from(JSON.stringify({ redirect_uris: [CALLBACK], client_name: "é" }), "latin1");
    expect((await post(new Uint8Array(latin1))).status).toBe(400);
    expect((await post(`\ufeff${JSON.stringify({ redirect_uris: [CALLBACK] })}`)).status).toBe(201);
  });

  test("R14: __proto__ in the metadata is a name like any other", async () => {
    const evil = `{"__proto__":{"client_name":"evil","redirect_uris":["javascript:1"]},"redirect_uris":["${CALLBACK}"]}`;
    const metadata = (await (await post(evil)).json()) as Json;
    expect(metadata["redirect_uris"]).toEqual([CALLBACK]);
    expect(metadata["client_name"]).toBeUndefined();
    expect(({} as Json)["client_name"]).toBeUndefined();
  });

  test("R14: anything but POST gets a 405 in JSON", async () => {
    const response = await fetch(`${server.url}/register`);
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST");
    expect(await errorOf(response)).toBe("invalid_request");
  });

  test("R17: a client that registered without a scope may ask for one later", async () => {
    const tokens = await connect(server.url, await registerClient(server.url), {
      scope: "mcp offline_access",
    });
    expect(tokens.scope).toBe("mcp offline_access");
  });
});

describe("a flood of registrations", () => {
  test("R18: one source must wait after many, another need not, and after a while it may go on", async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 100; i += 1) statuses.add((await register(server.url)).status);
    expect([...statuses]).toEqual([201, 429]);
    const refused = await register(server.url);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    server.source.address = "192.0.2.77";
    expect((await register(server.url)).status).toBe(201);
    server.source.address = "192.0.2.1";
    server.clock.now += HOUR;
    expect((await register(server.url)).status).toBe(201);
  });

  test("R18: an IPv6 attacker is counted by the /64", async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 80; i += 1) {
      server.source.address = `2001:db8:0:1::${i.toString(16)}`;
      statuses.add((await register(server.url)).status);
    }
    expect(statuses).toContain(429);
    server.source.address = "2001:db8:0:2::1";
    expect((await register(server.url)).status).toBe(201);
  });

  test("R18: unapproved clients are capped and go away in a day; an approved one stays", async () => {
    const used = await registerClient(server.url);
    await connect(server.url, used);
    const unused = await registerClient(server.url);
    const flood = await registerMany(600, (i) => `192.0.2.${i >> 5}`);
    expect(server.store.findClient(unused)).toBeUndefined();
    expect(flood.filter((id) => server.store.findClient(id) !== undefined)).toEqual(flood.slice(100));
    const young = await registerClient(server.url);
    server.store.sweep(server.clock.now, { unusedBefore: server.clock.now - 1, graceBegan: 0 });
    expect(server.store.findClient(young)).toBeDefined();
    server.store.sweep(server.clock.now, { unusedBefore: server.clock.now, graceBegan: 0 });
    expect(server.store.findClient(young)).toBeUndefined();
    expect(server.store.findClient(used)).toBeDefined();
  });
});

describe("a client that is being approved", () => {
  /** Of the client that is about to sign in. */
  const HOME = "203.0.113.7";
  /** A person who was sent here takes a while to find the password, and then approves. */
  async function finish(client: string, page: ShownPage) {
    const reply = (await submitPage(server.url, page)).headers.get("location");
    const code = new URL(reply ?? "https://nowhere.example/").searchParams.get("code") ?? "";
    return (await redeem(server.url, client, code)).status;
  }
  const showMany = async (ids: readonly string[]) => {
    for (const id of ids) await openPage(server.url, authorizeQuery(id));
  };
  const countKept = (ids: readonly string[]) =>
    ids.filter((id) => server.store.findClient(id) !== undefined).length;

  test("found 10: R18: outlasts a flood from ten places, before its page is shown and after", async () => {
    server.source.address = HOME;
    const [waiting, shown] = [await registerClient(server.url), await registerClient(server.url)];
    const page = await openPage(server.url, authorizeQuery(shown));
    await registerMany(600, (i) => `10.0.${i % 10}.1`);
    expect(await finish(shown, page)).toBe(200);
    expect(await finish(waiting, await openPage(server.url, authorizeQuery(waiting)))).toBe(200);
  });

  test("found 10: R18: outlasts a flood from everywhere once its page is shown, and for an hour", async () => {
    server.source.address = HOME;
    const [shown, idle] = [await registerClient(server.url), await registerClient(server.url)];
    const page = await openPage(server.url, authorizeQuery(shown));
    await registerMany(600, (i) => `10.${i >> 8}.${i & 255}.1`);
    expect(server.store.findClient(idle)).toBeUndefined();
    server.clock.now += HOUR - MINUTE;
    await registerMany(600, (i) => `11.${i >> 8}.${i & 255}.1`);
    expect(await finish(shown, page)).toBe(200);
  });

  test("found 10: R18: outlasts a flood from its own network, unless each of those is being approved, too", async () => {
    server.source.address = HOME;
    const shown = await registerClient(server.url);
    await openPage(server.url, authorizeQuery(shown));
    await registerMany(600, (i) => `203.0.113.${i % 200}`);
    expect(server.store.findClient(shown)).toBeDefined();
  });

  test("found 10: R18: cannot fill the store: pages opened from ten places displace neither new clients nor those under approval", async () => {
    server.source.address = HOME;
    const shown = await registerClient(server.url);
    const page = await openPage(server.url, authorizeQuery(shown));
    const first = await registerMany(550, (i) => `10.0.${i % 10}.1`);
    await showMany(first.slice(50));
    const more = await registerMany(40, (i) => `10.0.${i % 10}.2`);
    await showMany(more);
    expect(countKept([...first, ...more])).toBe(499);
    server.source.address = "198.51.100.9";
    const late = await registerClient(server.url);
    expect(await finish(late, await openPage(server.url, authorizeQuery(late)))).toBe(200);
    expect(await finish(shown, page)).toBe(200);
  });

  test("found 10: R18: with a code that is not redeemed yet it stays, too", async () => {
    server.source.address = HOME;
    const client = await registerClient(server.url);
    const code = await obtainCode(server.url, client);
    await registerMany(600, (i) => `10.${i >> 8}.${i & 255}.1`);
    expect((await redeem(server.url, client, code)).status).toBe(200);
  });

  test("found 10: R18: is counted with its network, however many addresses that has", () => {
    expect(["192.0.2.1", "192.0.2.255", "::ffff:192.0.2.9"].map(groupNetwork)).toEqual([
      "192.0.2.0/24",
      "192.0.2.0/24",
      "192.0.2.0/24",
    ]);
    expect(["2001:db8:1:2::1", "[2001:db8:1:ffff::]", "2001:db8:2::"].map(groupNetwork)).toEqual([
      "2001:db8:1::/48",
      "2001:db8:1::/48",
      "2001:db8:2::/48",
    ]);
    expect(["", "no address"].map(groupNetwork)).toEqual(["", "no address"]);
  });
});

describe("a secret that cannot be guessed", () => {
  for (const [whose, made] of [
    ["we made", undefined],
    ["was set up, of 22 random characters,", "r7Qk2Zp9Xv4Lm1Tc8Wd3Hy"],
    ["was set up, of 32 random digits,", "9f3c07b1e2a84d56c8017be4f92a3d65"],
  ] as const) {
    test(`found 6: T15: that ${whose} gets in, whatever has failed before, from any place, and wrong ones must wait`, async () => {
      const own = await startServer({ clients: made ? [{ id: "own", secret: made }] : [] });
      const registered = (await (
        await register(own.url, { token_endpoint_auth_method: "client_secret_post" })
      ).json()) as Record<string, string>;
      const client_id = made ? "own" : (registered["client_id"] ?? "");
      const client_secret = made ?? registered["client_secret"] ?? "";
      const send = (path: string, fields: Record<string, string>) =>
        postForm(own.url, path, { token: "x", client_id, ...fields });
      const statuses = new Set<number>();
      for (let i = 0; i < 640; i += 1) {
        own.source.address = `192.0.2.${i % 10}`;
        const wrong: Record<string, string> =
          i % 2 === 0
            ? { client_secret: `guess ${i}` }
            : { client_assertion: "x.y.z", client_assertion_type: ASSERTION_TYPE };
        statuses.add((await send(i % 3 === 0 ? "/introspect" : "/token", wrong)).status);
      }
      expect([...statuses]).toEqual([401, 429]);
      const code = await obtainCode(own.url, client_id);
      expect((await redeem(own.url, client_id, code, { client_secret })).status).toBe(200);
      for (const path of ["/introspect", "/revoke"])
        expect((await send(path, { client_secret })).status).toBe(200);
      await own.stop();
    });
  }
});

describe("a client set up beforehand", () => {
  const secret = "s3cret: +%/ä";
  const encoded = (text: string) => new URLSearchParams({ x: text }).toString().slice(2);
  const basic = (id: string, password: string) => `Basic ${btoa(`${encoded(id)}:${encoded(password)}`)}`;
  let known: Harness;
  beforeEach(async () => {
    known = await startServer({
      clients: [{ id: "my client", secret }, { id: "open" }],
      allowRedirect: ["https://listed.example/cb"],
    });
  });
  afterEach(() => known.stop());

  test("R19: its secret works in the form and in HTTP Basic, percent-encoded", async () => {
    const inForm = await redeem(known.url, "my client", await obtainCode(known.url, "my client"), {
      client_secret: secret,
    });
    expect(inForm.status).toBe(200);
    const fields = { grant_type: "authorization_code", code_verifier: VERIFIER };
    const code = await obtainCode(known.url, "my client");
    const inHeader = await postForm(
      known.url,
      "/token",
      { ...fields, code },
      { Authorization: basic("my client", secret) },
    );
    expect(inHeader.status).toBe(200);
  });

  test("R19: without a secret it is a public client", async () => {
    const tokens = await connect(known.url, "open");
    expect((await callResource(known.url, tokens.access_token)).status).toBe(200);
  });

  test("R20: a wrong secret, none at all, or one that was never set is invalid_client", async () => {
    const code = await obtainCode(known.url, "my client");
    for (const more of [{}, { client_secret: "wrong" }, { client_secret: "" }]) {
      const response = await redeem(known.url, "my client", code, more);
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBeNull();
      expect(await errorOf(response)).toBe("invalid_client");
    }
    expect((await redeem(known.url, "open", code, { client_secret: "x" })).status).toBe(401);
    const fields = { grant_type: "authorization_code", code, code_verifier: VERIFIER };
    for (const header of [
      basic("my client", "wrong"),
      basic("nobody", "x"),
      "Basic !!",
      "Basic JTol",
      "Bearer x",
    ]) {
      const response = await postForm(known.url, "/token", fields, { Authorization: header });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toStartWith("Basic ");
    }
    expect((await redeem(known.url, "my client", code, { client_secret: secret })).status).toBe(200);
  });

  test("R20: two ways of authenticating at once are invalid_request", async () => {
    const fields = { grant_type: "authorization_code", code: "x", code_verifier: VERIFIER };
    const Authorization = basic("my client", secret);
    for (const more of [{ client_secret: secret }, { client_id: "open" }]) {
      const response = await postForm(known.url, "/token", { ...fields, ...more }, { Authorization });
      expect(response.status).toBe(400);
      expect(await errorOf(response)).toBe("invalid_request");
    }
  });

  test("T15: guessing a short secret is slowed down, also for the right guess", async () => {
    const code = await obtainCode(known.url, "my client");
    const statuses = new Set<number>();
    for (let i = 0; i < 40; i += 1) {
      statuses.add((await redeem(known.url, "my client", code, { client_secret: `guess ${i}` })).status);
    }
    expect([...statuses]).toEqual([401, 429]);
    expect((await redeem(known.url, "my client", code, { client_secret: secret })).status).toBe(429);
    known.source.address = "198.51.100.1";
    expect((await redeem(known.url, "my client", code, { client_secret: secret })).status).toBe(200);
  });

  test("found 6: T15: a short secret still gets in from any place without failures, however many guess elsewhere", async () => {
    const guess = (client_secret: string) =>
      postForm(known.url, "/revoke", { token: "x", client_id: "my client", client_secret });
    for (let i = 0; i < 300; i += 1) {
      known.source.address = `198.51.100.${i % 10}`;
      await guess("wrong");
    }
    known.source.address = "203.0.113.1";
    expect((await guess(secret)).status).toBe(200);
    // Now that it is being guessed, a place has one try.
    expect([(await guess("wrong")).status, (await guess(secret)).status]).toEqual([401, 429]);
    known.source.address = "203.0.113.2";
    expect((await guess(secret)).status).toBe(200);
    known.clock.now += HOUR;
    known.source.address = "203.0.113.1";
    expect((await guess(secret)).status).toBe(200);
  });

  const loose = {
    "a long word": "password".repeat(3),
    "several words": "Correct-Horse-Battery-Staple-42",
    "words with digits in them": "MyS3cr3tK3yF0rMyS3rv3r",
    "a short pattern, repeated": "aB1".repeat(8),
    "digits in their order": "0123456789abcdef".repeat(2),
    "one digit": "0".repeat(32),
  };
  for (const [what, given] of Object.entries(loose)) {
    test(`found 6: T15: ${what} can be guessed however long, so tries at it must wait`, async () => {
      const own = await startServer({ clients: [{ id: "own", secret: given }] });
      const guess = async (client_secret: string) =>
        (await postForm(own.url, "/revoke", { token: "x", client_id: "own", client_secret })).status;
      for (let i = 0; i < 30; i += 1) await guess("wrong");
      expect(await guess(given)).toBe(429);
      await own.stop();
    });
  }

  test("found 6: T15: a stranger who fails at a client of his own delays no one else there", async () => {
    const answer = await register(known.url, { token_endpoint_auth_method: "client_secret_post" });
    const { client_id = "" } = (await answer.json()) as Record<string, string>;
    const send = async (id: string, client_secret: string) =>
      (await postForm(known.url, "/revoke", { token: "x", client_id: id, client_secret })).status;
    for (let i = 0; i < 40; i += 1) await send(client_id, "wrong");
    expect([await send(client_id, "wrong"), await send("my client", secret)]).toEqual([429, 200]);
  });

  test("found 24: strangers behind its assistant's address do not use up the limits of an approved client", async () => {
    const form = { client_secret: secret };
    const tokens = await redeem(known.url, "my client", await obtainCode(known.url, "my client"), form);
    const { refresh_token } = (await tokens.json()) as Tokens;
    const strangers = (await (
      await register(known.url, { token_endpoint_auth_method: "client_secret_post" })
    ).json()) as Json;
    const guess = async (id: string) =>
      (await refresh(known.url, id, "x", { client_secret: crypto.randomUUID() })).status;
    const id = String(strangers["client_id"]);
    for (let i = 0; i < 30; i += 1) expect(await guess(id)).toBe(401);
    expect(await guess(id)).toBe(429);
    const refreshed = await refresh(known.url, "my client", refresh_token, form);
    expect(refreshed.status).toBe(200);
    // Its own failures count, at that address, and only as long as it has access.
    for (let i = 0; i < 30; i += 1) expect(await guess("my client")).toBe(401);
    expect(await guess("my client")).toBe(429);
    known.source.address = "2001:db8::1";
    expect(await guess("my client")).toBe(401);
    known.source.address = "2001:db8::2";
    for (let i = 0; i < 29; i += 1) expect(await guess("my client")).toBe(401);
    expect(await guess("my client")).toBe(429);
    for (const { id } of known.store.listGrants(known.clock.now))
      known.store.revokeGrant(id, known.clock.now, "owner");
    expect(await guess("my client")).toBe(401);
    known.source.address = "2001:db8::3";
    for (let i = 0; i < 29; i += 1) await guess("my client");
    expect(await guess("my client")).toBe(429);
  });

  for (const [redirect, status] of Object.entries({
    "https://claude.ai/api/mcp/auth_callback": 200,
    "https://chatgpt.com/connector_platform_oauth_redirect": 200,
    "https://chatgpt.com/connector/oauth/abc-DEF_1": 200,
    "https://listed.example/cb": 200,
    "http://127.0.0.1:9/any": 200,
    "https://chatgpt.com/connector/oauth/a/../../../evil": 400,
    "https://chatgpt.com/connector/oauth/": 400,
    "https://chatgpt.com.evil.example/connector/oauth/abc": 400,
    "https://claude.ai/api/mcp/auth_callback/": 400,
    "https://listed.example/cb?x": 400,
    "https://evil.example/cb": 400,
  })) {
    test(`R19: ${redirect} ${status === 200 ? "may" : "may not"} get its answers`, async () => {
      const page = await openPage(known.url, authorizeQuery("open", { redirect_uri: redirect }));
      expect(page.response.status).toBe(status);
      expect(page.response.headers.get("location")).toBeNull();
      if (status === 200)
        expect((await submitPage(known.url, page)).headers.get("location")).toStartWith(`${redirect}?`);
    });
  }
});

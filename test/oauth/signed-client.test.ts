import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import * as oauth from "oauth4webapi";
import { describeApp, type DocumentHost, startDocumentHost } from "./document-host.ts";
import {
  approve,
  authorizeQuery,
  CALLBACK,
  errorOf,
  type Harness,
  type Json,
  MINUTE,
  obtainCode,
  openPage,
  postForm,
  redeem,
  refresh,
  registerClient,
  startServer,
  type Tokens,
} from "./harness.ts";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

let host: DocumentHost;
let server: Harness;
let keys: KeyPair;
let others: KeyPair;
beforeAll(async () => {
  host = startDocumentHost();
  keys = await generateKeyPair("ES256", { extractable: true });
  others = await generateKeyPair("ES256", { extractable: true });
});
afterAll(() => host.stop());
beforeEach(async () => {
  host.asked.length = 0;
  server = await startServer({ get: host.get });
});
afterEach(() => server.stop());

const publish = async (pair: KeyPair, kid: string) => ({
  ...(await exportJWK(pair.publicKey)),
  kid,
  alg: "ES256",
});

/** A client whose document lists these keys. */
async function serveClient(more: Json = {}): Promise<string> {
  const jwks = { keys: [await publish(keys, "k1")] };
  const id = host.serve("/signed.json", () =>
    Response.json(describeApp(id, { token_endpoint_auth_method: "private_key_jwt", jwks, ...more })),
  );
  return id;
}

interface Assertion {
  pair?: KeyPair;
  kid?: string;
  alg?: string;
  claims?: { [Claim in keyof JWTPayload]: JWTPayload[Claim] | undefined };
}

function sign(id: string, { pair = keys, kid = "k1", alg = "ES256", claims = {} }: Assertion = {}) {
  const now = Math.floor(server.clock.now / 1000);
  const payload = {
    iss: id,
    sub: id,
    aud: server.issuer,
    exp: now + 60,
    iat: now,
    jti: crypto.randomUUID(),
    ...claims,
  };
  return new SignJWT(payload as JWTPayload).setProtectedHeader({ alg, kid }).sign(pair.privateKey);
}

const redeemSigned = async (id: string, assertion: string, more: Record<string, string> = {}) =>
  redeem(server.url, id, await obtainCode(server.url, id), {
    client_assertion: assertion,
    client_assertion_type: ASSERTION_TYPE,
    ...more,
  });

const postSigned = (path: string, id: string, client_assertion: string) =>
  postForm(server.url, path, {
    client_id: id,
    token: "x",
    client_assertion,
    client_assertion_type: ASSERTION_TYPE,
  });
const revokeSigned = (id: string, assertion: string) => postSigned("/revoke", id, assertion);
const introspectSigned = (id: string, assertion: string) => postSigned("/introspect", id, assertion);

for (const alg of ["ES256", "RS256"]) {
  test(`R11: oauth4webapi's PrivateKeyJwt with ${alg} goes all the way, and introspects what it got`, async () => {
    const pair = await generateKeyPair(alg, { extractable: true });
    host.serve("/jwks.json", { keys: [{ ...(await exportJWK(pair.publicKey)), kid: "rsa", alg }] });
    const id = await serveClient({ jwks: undefined, jwks_uri: host.url("/jwks.json") });
    const insecure = { [oauth.allowInsecureRequests]: true };
    const issuer = new URL(server.issuer);
    const as = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure }),
    );
    server.clock.now = Date.now();
    const client = { client_id: id };
    const login = oauth.PrivateKeyJwt({ key: pair.privateKey, kid: "rsa" });
    const verifier = oauth.generateRandomCodeVerifier();
    const code_challenge = await oauth.calculatePKCECodeChallenge(verifier);
    const reply = oauth.validateAuthResponse(
      as,
      client,
      await approve(server.url, authorizeQuery(id, { code_challenge })),
      "s1",
    );
    const tokens = await oauth.processAuthorizationCodeResponse(
      as,
      client,
      await oauth.authorizationCodeGrantRequest(as, client, login, reply, CALLBACK, verifier, insecure),
    );
    const refreshed = await oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, login, tokens.refresh_token ?? "", insecure),
    );
    const known = await oauth.processIntrospectionResponse(
      as,
      client,
      await oauth.introspectionRequest(as, client, login, refreshed.access_token, insecure),
    );
    expect(known).toMatchObject({ active: true, client_id: id, iss: server.issuer });
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, login, refreshed.refresh_token ?? "", insecure),
    );
    expect(host.asked.filter((path) => path === "/jwks.json")).toHaveLength(1);
  });
}

describe("an assertion", () => {
  test("R11: proves a client that lists its keys, and names the client by itself", async () => {
    const id = await serveClient();
    expect((await redeemSigned(id, await sign(id))).status).toBe(200);
    expect((await redeemSigned(id, await sign(id), { client_id: "" })).status).toBe(200);
  });

  for (const [what, audience] of Object.entries<(issuer: string) => string | string[]>({
    "the issuer": (issuer) => issuer,
    "the token endpoint": (issuer) => `${issuer}/token`,
    "a list with the issuer in it": (issuer) => ["https://other.example", issuer],
  })) {
    test(`R11: may be meant for ${what}`, async () => {
      const id = await serveClient();
      const assertion = await sign(id, { claims: { aud: audience(server.issuer) } });
      expect((await redeemSigned(id, assertion)).status).toBe(200);
    });
  }

  const wrong: Record<string, (id: string, now: number) => Assertion> = {
    "of another client's key under the client's name": () => ({ pair: others }),
    "of an unknown key": () => ({ pair: others, kid: "k2" }),
    "of another issuer": () => ({ claims: { iss: "https://evil.example/app.json" } }),
    "for another server": () => ({ claims: { aud: "https://other.example" } }),
    "for the issuer with a slash": () => ({ claims: { aud: `${server.issuer}/` } }),
    "without an audience": () => ({ claims: { aud: undefined } }),
    "that has run out": (_, now) => ({ claims: { exp: now - 61 } }),
    "without an end": () => ({ claims: { exp: undefined } }),
    "that is good for a day": (_, now) => ({ claims: { exp: now + 86_400 } }),
    "that is not good yet": (_, now) => ({ claims: { nbf: now + 120 } }),
    "without an id": () => ({ claims: { jti: undefined } }),
  };
  for (const [what, make] of Object.entries(wrong)) {
    test(`R11: ${what} is invalid_client`, async () => {
      const id = await serveClient();
      const response = await redeemSigned(id, await sign(id, make(id, server.clock.now / 1000)));
      expect([response.status, await errorOf(response)]).toEqual([401, "invalid_client"]);
    });
  }

  for (const [what, forge] of Object.entries<(good: string) => string>({
    "without a signature": (good) => `${good.slice(0, good.lastIndexOf("."))}.`,
    "with alg none": (good) => `${btoa('{"alg":"none"}').replace(/=+$/, "")}.${good.split(".")[1]}.`,
    "that is not a token": () => "x.y.z",
    "that is changed": (good) =>
      good.replace(/.$/, (last) => (last === "A" ? "B" : "A")).replace(/\.(.)/, ".$1x"),
  })) {
    test(`R11: ${what} is invalid_client`, async () => {
      const id = await serveClient();
      const response = await redeemSigned(id, forge(await sign(id)));
      expect([response.status, await errorOf(response)]).toEqual([401, "invalid_client"]);
    });
  }

  test("R11: signed with HMAC under the public key is refused", async () => {
    const id = await serveClient();
    const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(keys.publicKey)));
    const now = Math.floor(server.clock.now / 1000);
    const assertion = await new SignJWT({ iss: id, sub: id, aud: server.issuer, exp: now + 60, jti: "1" })
      .setProtectedHeader({ alg: "HS256", kid: "k1" })
      .sign(secret);
    expect(await errorOf(await redeemSigned(id, assertion))).toBe("invalid_client");
  });

  test("R11: is good once, for every endpoint and after its first use at the same moment", async () => {
    const id = await serveClient();
    const codes = [await obtainCode(server.url, id), await obtainCode(server.url, id)];
    const more = { client_assertion: await sign(id), client_assertion_type: ASSERTION_TYPE };
    const statuses = await Promise.all(
      codes.map(async (code) => (await redeem(server.url, id, code, more)).status),
    );
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 401]);
    expect((await postForm(server.url, "/revoke", { token: "x", client_id: id, ...more })).status).toBe(401);
    server.clock.now += 10 * MINUTE;
    expect((await postForm(server.url, "/revoke", { token: "x", client_id: id, ...more })).status).toBe(401);
  });

  test("R11: under a key that is new makes the keys be fetched again, but not for every stranger's", async () => {
    const published: Json[] = [await publish(keys, "k1")];
    host.serve("/jwks.json", () => Response.json({ keys: published }));
    const id = await serveClient({ jwks: undefined, jwks_uri: host.url("/jwks.json") });
    const fetches = () => host.asked.filter((path) => path === "/jwks.json").length;
    expect((await redeemSigned(id, await sign(id))).status).toBe(200);
    published.push(await publish(others, "k2"));
    expect((await redeemSigned(id, await sign(id, { pair: others, kid: "k2" }))).status).toBe(401);
    expect(fetches()).toBe(1);
    server.clock.now += MINUTE;
    expect((await redeemSigned(id, await sign(id, { pair: others, kid: "k2" }))).status).toBe(200);
    expect((await redeemSigned(id, await sign(id, { kid: "k3" }))).status).toBe(401);
    expect(fetches()).toBe(2);
  });

  test("R20: beside a secret or HTTP Basic, of another type or for another client, it is invalid_request", async () => {
    const id = await serveClient();
    const client_assertion = await sign(id);
    const fields = { grant_type: "refresh_token", client_assertion, client_assertion_type: ASSERTION_TYPE };
    const cases: [Record<string, string>, Record<string, string>][] = [
      [{ client_secret: "x" }, {}],
      [{}, { Authorization: `Basic ${btoa("a:b")}` }],
      [{ client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:saml2-bearer" }, {}],
      [{ client_assertion_type: "" }, {}],
      [{ client_id: "other" }, {}],
    ];
    for (const [more, headers] of cases) {
      const response = await postForm(server.url, "/token", { ...fields, ...more }, headers);
      expect([response.status, await errorOf(response)]).toEqual([400, "invalid_request"]);
    }
  });

  test("R11: of a client without keys is refused, and so is a document that offers keys it does not have", async () => {
    const id = await registerClient(server.url);
    const response = await redeemSigned(id, await sign(id));
    expect([response.status, await errorOf(response)]).toEqual([401, "invalid_client"]);
  });

  test("R11: of a client that may go without it is still checked when it comes", async () => {
    const id = await serveClient({ token_endpoint_auth_methods_supported: ["none", "private_key_jwt"] });
    expect((await redeemSigned(id, await sign(id, { pair: others }))).status).toBe(401);
    const tokens = (await (await redeem(server.url, id, await obtainCode(server.url, id))).json()) as Tokens;
    expect(tokens.access_token).toBeString();
  });

  test("found 24: strangers who make us fetch keep neither document nor keys of an approved client from us", async () => {
    const answer = (body: unknown) => Response.json(body, { headers: { "Cache-Control": "no-store" } });
    const jwks = { keys: [await publish(keys, "k1")] };
    const jwks_uri = host.serve("/fresh-keys.json", () => answer(jwks));
    const id = host.serve("/fresh.json", () =>
      answer(describeApp(id, { token_endpoint_auth_method: "private_key_jwt", jwks_uri })),
    );
    const first = await redeemSigned(id, await sign(id));
    const { refresh_token } = (await first.json()) as Tokens;
    for (let index = 0; index < 70; index += 1)
      await openPage(server.url, authorizeQuery(host.url(`/stranger-${index}.json`)));
    const stranger = host.serve("/stranger.json", describeApp(host.url("/stranger.json")));
    expect((await openPage(server.url, authorizeQuery(stranger))).response.status).toBe(400);
    host.asked.length = 0;
    const refreshed = await refresh(server.url, id, refresh_token, {
      client_assertion: await sign(id),
      client_assertion_type: ASSERTION_TYPE,
    });
    expect(refreshed.status).toBe(200);
    expect((await openPage(server.url, authorizeQuery(id))).response.status).toBe(200);
    expect(host.asked).toEqual(["/fresh.json", "/fresh-keys.json", "/fresh.json"]);
  });

  test("T15: guessing signatures is slowed down", async () => {
    const id = await serveClient();
    await obtainCode(server.url, id);
    const statuses = new Set<number>();
    const assertion = await sign(id, { pair: others });
    for (let i = 0; i < 40; i += 1) statuses.add((await revokeSigned(id, assertion)).status);
    expect([...statuses]).toEqual([401, 429]);
  });

  test("found 6: T15: a valid one gets in, after hundreds of bogus ones from ten places", async () => {
    const id = await serveClient();
    const code = await obtainCode(server.url, id);
    const bogus = [await sign(id, { pair: others }), await sign(id, { kid: "k9" }), "x.y.z"];
    for (let i = 0; i < 320; i += 1) {
      server.source.address = `192.0.2.${i % 10}`;
      await revokeSigned(id, bogus[i % 3] ?? "");
    }
    expect((await revokeSigned(id, bogus[0] ?? "")).status).toBe(429);
    const more = { client_assertion: await sign(id), client_assertion_type: ASSERTION_TYPE };
    expect((await redeem(server.url, id, code, more)).status).toBe(200);
    expect((await revokeSigned(id, await sign(id))).status).toBe(200);
    expect((await introspectSigned(id, await sign(id))).status).toBe(200);
  });
});

describe("the memory of used assertions", () => {
  const open = async () => {
    await server.stop();
    folder = mkdtempSync(join(tmpdir(), "mcp-expose-assertions-"));
    where = join(folder, "state.db");
    server = await startServer({ get: host.get, where });
  };
  let folder: string;
  let where: string;
  beforeEach(open);
  afterEach(() => rmSync(folder, { recursive: true }));

  const countRows = () => {
    using db = new Database(where, { readonly: true });
    return db.query<{ count: number }, []>("SELECT count(*) AS count FROM assertions").get()?.count;
  };

  test("found 12: R11: nothing, where no one has approved the client: its keys are not fetched, and it is counted", async () => {
    host.serve("/jwks.json", { keys: [await publish(keys, "k1")] });
    const id = await serveClient({ jwks: undefined, jwks_uri: host.url("/jwks.json") });
    const statuses: number[] = [];
    for (let i = 0; i < 40; i += 1) statuses.push((await revokeSigned(id, await sign(id))).status);
    expect(statuses).toEqual([...Array<number>(30).fill(401), ...Array<number>(10).fill(429)]);
    expect([countRows(), host.asked]).toEqual([0, ["/signed.json"]]);
    const code = await obtainCode(server.url, id);
    const more = { client_assertion: await sign(id), client_assertion_type: ASSERTION_TYPE };
    expect((await redeem(server.url, id, code, more)).status).toBe(200);
    expect(countRows()).toBe(1);
  });

  test("found 12: R11: nothing of one that does not verify, and of one that does no more than once", async () => {
    const id = await serveClient();
    await obtainCode(server.url, id);
    for (const wrong of [{ pair: others }, { kid: "k9" }, { claims: { aud: "https://other.example" } }])
      expect((await revokeSigned(id, await sign(id, wrong))).status).toBe(401);
    expect(countRows()).toBe(0);
    const good = await sign(id);
    const statuses: number[] = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await revokeSigned(id, good)).status);
    expect([statuses, countRows()]).toEqual([[200, 401, 401], 1]);
  });

  test("found 12: R11: a limit for one client in ten minutes, which no one else can use up", async () => {
    const id = await serveClient();
    await obtainCode(server.url, id);
    const replayed = await sign(id);
    for (let i = 0; i < 20; i += 1) await revokeSigned(id, replayed);
    const statuses: number[] = [];
    for (let i = 0; i < 605; i += 1) statuses.push((await revokeSigned(id, await sign(id))).status);
    expect(statuses).toEqual([...Array<number>(599).fill(200), ...Array<number>(6).fill(429)]);
    expect(countRows()).toBe(600);
    server.clock.now += 11 * MINUTE;
    expect((await revokeSigned(id, await sign(id))).status).toBe(200);
    // Those that ran out went when the next one came.
    expect(countRows()).toBe(1);
  });

  test("found 12: R11: expired ones are found without looking at the rest", () => {
    using db = new Database(where, { readonly: true });
    const plan = db.query<{ detail: string }, []>(
      "EXPLAIN QUERY PLAN DELETE FROM assertions WHERE expires_at <= 1",
    );
    expect(
      plan
        .all()
        .map(({ detail }) => detail)
        .join(),
    ).toMatch(/^SEARCH assertions USING .*INDEX/);
  });
});

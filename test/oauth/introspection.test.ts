import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import * as oauth from "oauth4webapi";
import {
  connect,
  errorOf,
  type Harness,
  HOUR,
  type Json,
  obtainCode,
  postForm,
  redeem,
  refresh,
  register,
  registerClient,
  startServer,
  TOKEN,
  type Tokens,
} from "./harness.ts";

const SECRET = "r7Qk2Zp9Xv4Lm1Tc8Wd3Hy";
const CALLER = { client_id: "introspection", client_secret: SECRET };

let server: Harness;
let client: string;
beforeEach(async () => {
  server = await startServer({ introspectSecret: SECRET });
  client = await registerClient(server.url);
});
afterEach(() => server.stop());

const introspect = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
  postForm(server.url, "/introspect", fields, headers);
const ask = async (token: string, caller: Record<string, string> = CALLER) =>
  (await (await introspect({ token, ...caller })).json()) as Json;

describe("a program with the introspection secret", () => {
  test("S10: learns of an access token what RFC 7662 names", async () => {
    const { access_token } = await connect(server.url, client, { resource: `${server.issuer}/mcp` });
    const response = await introspect({ token: access_token, ...CALLER });
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect((await response.json()) as Json).toEqual({
      active: true,
      client_id: client,
      sub: "owner",
      scope: "mcp",
      aud: [`${server.issuer}/mcp`],
      exp: (server.clock.now + HOUR) / 1000,
      iat: server.clock.now / 1000,
      iss: server.issuer,
      token_type: "Bearer",
    });
  });

  test("S10: learns of a refresh token, too, with any hint, and nothing of a used one", async () => {
    const { refresh_token } = await connect(server.url, client);
    const known = await (
      await introspect({ token: refresh_token, token_type_hint: "access_token", ...CALLER })
    ).json();
    expect(known).toMatchObject({
      active: true,
      client_id: client,
      exp: (server.clock.now + 24 * HOUR) / 1000,
    });
    expect(known).not.toHaveProperty("token_type");
    await refresh(server.url, client, refresh_token);
    expect(await ask(refresh_token)).toEqual({ active: false });
  });

  test("S10: learns nothing but active: false of what is not good", async () => {
    const { access_token } = await connect(server.url, client);
    const code = await obtainCode(server.url, client);
    for (const token of ["unknown", code, TOKEN, SECRET, client])
      expect(await ask(token)).toEqual({ active: false });
    server.clock.now += HOUR;
    expect(await ask(access_token)).toEqual({ active: false });
    const revoked = await connect(server.url, client);
    await postForm(server.url, "/revoke", { client_id: client, token: revoked.access_token });
    expect(await ask(revoked.access_token)).toEqual({ active: false });
  });

  test("S10: may show it by HTTP Basic", async () => {
    const { access_token } = await connect(server.url, client);
    const Authorization = `Basic ${btoa(`introspection:${encodeURIComponent(SECRET)}`)}`;
    expect(await (await introspect({ token: access_token }, { Authorization })).json()).toMatchObject({
      active: true,
    });
  });

  test("S10: can do nothing else with it", async () => {
    const code = await obtainCode(server.url, client);
    expect(await errorOf(await redeem(server.url, "introspection", code, CALLER))).toBe("invalid_client");
    expect(await errorOf(await postForm(server.url, "/revoke", { token: "x", ...CALLER }))).toBe(
      "invalid_client",
    );
  });

  test("S10: has to be authenticated, and guessing is slowed down", async () => {
    for (const caller of [{}, { client_id: "introspection" }, { ...CALLER, client_secret: "wrong" }]) {
      const response = await introspect({ token: "x", ...caller });
      expect([response.status, await errorOf(response)]).toEqual([401, "invalid_client"]);
    }
    const statuses = new Set<number>();
    for (let i = 0; i < 40; i += 1)
      statuses.add((await introspect({ token: "x", ...CALLER, client_secret: `guess ${i}` })).status);
    expect([...statuses]).toEqual([401, 429]);
  });
});

test("found 6: S10, T15: the introspection secret gets in, whatever has failed before, from any place", async () => {
  for (let i = 0; i < 320; i += 1) {
    server.source.address = `192.0.2.${i % 10}`;
    await introspect({ token: "x", ...CALLER, client_secret: `guess ${i}` });
  }
  expect((await introspect({ token: "x", ...CALLER, client_secret: "guess" })).status).toBe(429);
  expect((await introspect({ token: "x", ...CALLER })).status).toBe(200);
});

describe("a client", () => {
  test("S10: that has a secret learns of its own tokens, and of others' only active: false", async () => {
    const registered = await register(server.url, { token_endpoint_auth_method: "client_secret_post" });
    const { client_id, client_secret } = (await registered.json()) as Record<string, string>;
    const caller = { client_id: client_id ?? "", client_secret: client_secret ?? "" };
    const redeemed = await redeem(
      server.url,
      caller.client_id,
      await obtainCode(server.url, caller.client_id),
      caller,
    );
    const own = (await redeemed.json()) as Tokens;
    const foreign = await connect(server.url, client);
    expect(await ask(own.access_token, caller)).toMatchObject({ active: true, client_id });
    expect(await ask(foreign.access_token, caller)).toEqual({ active: false });
    expect(await ask(foreign.refresh_token, caller)).toEqual({ active: false });
  });

  test("S10: that is public learns nothing at all", async () => {
    const { access_token } = await connect(server.url, client);
    const response = await introspect({ client_id: client, token: access_token });
    expect([response.status, await errorOf(response)]).toEqual([401, "invalid_client"]);
  });
});

test("S10: oauth4webapi introspects, and takes the answer for a good one", async () => {
  const insecure = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(server.issuer);
  const discovered = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure });
  const as = await oauth.processDiscoveryResponse(issuer, discovered);
  const { access_token } = await connect(server.url, client);
  const caller = { client_id: "introspection" };
  const answer = await oauth.introspectionRequest(
    as,
    caller,
    oauth.ClientSecretPost(SECRET),
    access_token,
    insecure,
  );
  expect(await oauth.processIntrospectionResponse(as, caller, answer)).toMatchObject({
    active: true,
    sub: "owner",
  });
});

test("S10: a token granted for another server or another URL is not active here", async () => {
  const { access_token } = await connect(server.url, client);
  const other = await startServer({ store: server.store, serverId: "server-2", introspectSecret: SECRET });
  const elsewhere = await startServer({
    store: server.store,
    publicUrl: "https://x.example",
    introspectSecret: SECRET,
  });
  for (const { url } of [other, elsewhere]) {
    const answer = await postForm(url, "/introspect", { token: access_token, ...CALLER });
    expect(await answer.json()).toEqual({ active: false });
  }
  for (const one of [other, elsewhere]) await one.stop();
});

test("S10: without a secret no one has it, and a missing token or a GET is refused in JSON", async () => {
  const plain = await startServer();
  const response = await postForm(plain.url, "/introspect", { token: "x", ...CALLER, client_secret: "" });
  expect([response.status, await errorOf(response)]).toEqual([401, "invalid_client"]);
  await plain.stop();
  expect(await errorOf(await introspect(CALLER))).toBe("invalid_request");
  expect((await fetch(`${server.url}/introspect`)).status).toBe(405);
});

import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listGrants, revokeAll, revokeGrant } from "../../src/oauth/tokens/grants.ts";
import { callerKeyOf, type Principal } from "../../src/oauth/access/principal.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import {
  authorizeQuery,
  callResource,
  connect,
  errorOf,
  type Harness,
  HOUR,
  MINUTE,
  obtainCode,
  openPage,
  redeem,
  refresh,
  registerClient,
  startServer,
  TOKEN,
  type Tokens,
  until,
  VERIFIER,
} from "./harness.ts";

let server: Harness;
let client: string;
beforeEach(async () => {
  server = await startServer();
  client = await registerClient(server.url);
});
afterEach(() => server.stop());

const statusOf = async (token: string, path?: string) => (await callResource(server.url, token, path)).status;

describe("an access token", () => {
  for (const method of ["GET", "POST", "DELETE", "PUT", "PATCH"]) {
    test(`S1: is checked on ${method}, and its principal is known`, async () => {
      const { access_token } = await connect(server.url, client);
      const Authorization = `Bearer ${access_token}`;
      const response = await fetch(`${server.url}/mcp`, { method, headers: { Authorization } });
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({
        subject: "owner",
        clientId: client,
        // It registered without a name.
        clientName: client,
        scopes: ["mcp"],
        expiresAt: server.clock.now + HOUR,
        grantId: expect.stringMatching(/^[0-9a-f]{16}$/),
      });
      server.clock.now += HOUR;
      expect((await fetch(`${server.url}/mcp`, { method, headers: { Authorization } })).status).toBe(401);
    });
  }

  test("S2: opens every door of the server it was granted for", async () => {
    const { access_token } = await connect(server.url, client, { resource: `${server.issuer}/mcp` });
    expect(await statusOf(access_token, "/mcp")).toBe(200);
    expect(await statusOf(access_token, "/sse")).toBe(200);
  });

  test("S1: nothing else that is secret serves in its place", async () => {
    const code = await obtainCode(server.url, client);
    const { refresh_token } = await connect(server.url, client);
    for (const secret of [code, refresh_token, TOKEN, client, VERIFIER, "", "__proto__"]) {
      expect(await statusOf(secret)).toBe(401);
    }
  });

  test("S3: is not looked for in the query or in a form", async () => {
    const { access_token } = await connect(server.url, client);
    expect((await fetch(`${server.url}/mcp?access_token=${access_token}`)).status).toBe(401);
    const body = new URLSearchParams({ access_token });
    expect((await fetch(`${server.url}/mcp`, { method: "POST", body })).status).toBe(401);
    expect(server.logged.join("")).not.toContain(access_token);
  });

  test("S4: may be announced in any case, but only once and in good form", async () => {
    const { access_token: token } = await connect(server.url, client);
    const send = async (header: string, query = "") =>
      (await fetch(`${server.url}/mcp${query}`, { headers: { Authorization: header } })).status;
    for (const good of [`bearer ${token}`, `BEARER ${token}`, `Bearer  ${token}`])
      expect(await send(good)).toBe(200);
    const bad = [
      `Bearer${token}`,
      `Basic ${token}`,
      token,
      `Bearer ${token} x`,
      `Bearer ${token}, Bearer ${token}`,
    ];
    for (const header of [...bad, "Bearer", "Bearer ,", `Bearer "${token}"`])
      expect(await send(header)).toBe(401);
    expect(await send(`Bearer ${token}`, `?access_token=${token}`)).toBe(400);
  });

  test("found 17: that was refreshed down to offline_access is 403 and names the scope it needs", async () => {
    const { refresh_token } = await connect(server.url, client, { scope: "mcp offline_access" });
    const narrowed = await refresh(server.url, client, refresh_token, { scope: "offline_access" });
    const { access_token, scope } = (await narrowed.json()) as Tokens;
    expect(scope).toBe("offline_access");
    const response = await callResource(server.url, access_token);
    expect([response.status, await errorOf(response)]).toEqual([403, "insufficient_scope"]);
    expect(response.headers.get("www-authenticate")).toContain('scope="mcp"');
  });

  test("S7: a session belongs to one app of one person", () => {
    const base = { subject: "ann", clientId: "a", clientName: "A", grantId: "1", scopes: ["mcp"] };
    const ann: Principal = { ...base, expiresAt: 1 };
    const key = callerKeyOf(ann);
    expect(callerKeyOf({ ...ann, grantId: "2", clientName: "B", expiresAt: 2 })).toBe(key);
    expect(callerKeyOf({ ...ann, subject: "bob" })).not.toBe(key);
    expect(callerKeyOf({ ...ann, clientId: "b" })).not.toBe(key);
    // Where one text ends and the other begins is part of the key.
    expect(callerKeyOf({ ...ann, subject: 'ann","a', clientId: "b" })).not.toBe(
      callerKeyOf({ ...ann, subject: "ann", clientId: 'a","b' }),
    );
    expect(key).not.toBe("");
  });
});

describe("on a file that outlives the server", () => {
  let folder: string;
  let where: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mcp-expose-"));
    where = join(folder, "state.db");
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const PUBLIC = "https://stays.example";

  test("T11: clients, access and refresh tokens survive a restart", async () => {
    const before = await startServer({ where, publicUrl: PUBLIC });
    const id = await registerClient(before.url);
    const tokens = await connect(before.url, id);
    await before.stop();
    const after = await startServer({ where, publicUrl: PUBLIC });
    expect((await callResource(after.url, tokens.access_token)).status).toBe(200);
    expect((await refresh(after.url, id, tokens.refresh_token)).status).toBe(200);
    expect(typeof (await obtainCode(after.url, id))).toBe("string");
    await after.stop();
  });

  test("S15: under another public URL old tokens are refused, and the client can connect anew", async () => {
    const before = await startServer({ where, publicUrl: PUBLIC });
    const id = await registerClient(before.url);
    const tokens = await connect(before.url, id);
    await before.stop();
    const after = await startServer({ where, publicUrl: "https://moved.example" });
    expect((await callResource(after.url, tokens.access_token)).status).toBe(401);
    expect(await errorOf(await refresh(after.url, id, tokens.refresh_token))).toBe("invalid_grant");
    const anew = await connect(after.url, id);
    expect((await callResource(after.url, anew.access_token)).status).toBe(200);
    await after.stop();
  });

  test("A1: a redirect URI that is no longer allowed is refused, although a client registered it", async () => {
    const redirect_uri = "myapp:/callback";
    const before = await startServer({ where, publicUrl: PUBLIC, allowRedirect: [redirect_uri] });
    const id = await registerClient(before.url, { redirect_uris: [redirect_uri] });
    expect((await openPage(before.url, authorizeQuery(id, { redirect_uri }))).response.status).toBe(200);
    await before.stop();
    const after = await startServer({ where, publicUrl: PUBLIC });
    expect((await openPage(after.url, authorizeQuery(id, { redirect_uri }))).response.status).toBe(400);
    await after.stop();
  });

  test("S2: for another wrapped command old codes and tokens are refused", async () => {
    const before = await startServer({ where, publicUrl: PUBLIC });
    const id = await registerClient(before.url);
    const tokens = await connect(before.url, id);
    const code = await obtainCode(before.url, id);
    await before.stop();
    const after = await startServer({ where, publicUrl: PUBLIC, serverId: "server-2" });
    expect((await callResource(after.url, tokens.access_token)).status).toBe(401);
    expect(await errorOf(await refresh(after.url, id, tokens.refresh_token))).toBe("invalid_grant");
    expect(await errorOf(await redeem(after.url, id, code))).toBe("invalid_grant");
    await after.stop();
  });

  test("found 23: when a grant was used last is written down with the sweep, and not with each request", async () => {
    const running = await startServer({ where });
    const tokens = await connect(running.url, await registerClient(running.url));
    const other = new Database(where, { readonly: true });
    const version = () => other.query("PRAGMA data_version").get();
    const before = version();
    for (let count = 0; count < 20; count += 1) {
      running.clock.now += MINUTE;
      expect((await callResource(running.url, tokens.access_token)).status).toBe(200);
    }
    expect(version()).toEqual(before);
    await running.stop();
    other.close();
    const store = openSqliteStore(where);
    const { now } = running.clock;
    expect(await listGrants(store, now)).toMatchObject([{ usedAt: now, renewedAt: now - 20 * MINUTE }]);
    store.close();
  });

  test("S6: a running server notices grants that were revoked through the file, once each", async () => {
    const running = await startServer({ where });
    const other = openSqliteStore(where);
    const id = await registerClient(running.url, { client_name: "Some App" });
    const first = await connect(running.url, id);
    const second = await connect(running.url, id);
    const third = await connect(running.url, id);
    const unused = await obtainCode(running.url, id);
    const now = running.clock.now;
    const [grant, ...rest] = await listGrants(other, now);
    expect(grant).toMatchObject({ clientName: "Some App", subject: "owner", serverName: "everything" });
    expect(rest).toHaveLength(2);
    expect(await revokeGrant(other, "unknown", now)).toBe(false);
    expect(await revokeGrant(other, grant?.id ?? "", now)).toBe(true);
    expect(await revokeGrant(other, grant?.id ?? "", now)).toBe(false);
    const ids = [grant?.id];
    await until(() => running.revoked.length > 0);
    const accepted = [first, second, third].map(async (tokens) => {
      return (await callResource(running.url, tokens.access_token)).status;
    });
    expect((await Promise.all(accepted)).toSorted((a, b) => a - b)).toEqual([200, 200, 401]);
    ids.push(...rest.map((one) => one.id));
    expect(await revokeAll(other, now)).toBe(2);
    await until(() => running.revoked.length > 2);
    expect(running.revoked.toSorted()).toEqual(ids.map(String).toSorted());
    expect(running.events.filter((event) => event.state === "revoked")).toHaveLength(3);
    expect(await errorOf(await redeem(running.url, id, unused))).toBe("invalid_grant");
    expect(await listGrants(other, now)).toEqual([]);
    other.close();
    await running.stop();
  });

  test("T5, T9: two servers on one file give each code and each successor out once", async () => {
    const one = await startServer({ where, publicUrl: PUBLIC });
    const two = await startServer({ where, publicUrl: PUBLIC });
    const id = await registerClient(one.url);
    const { refresh_token } = await connect(one.url, id);
    const successors = await Promise.all(
      [one, two, one, two].map(async ({ url }) => {
        return ((await (await refresh(url, id, refresh_token)).json()) as { refresh_token: string })
          .refresh_token;
      }),
    );
    expect(new Set(successors).size).toBe(1);
    const code = await obtainCode(one.url, id);
    const statuses = await Promise.all(
      [one, two].map(async ({ url }) => (await redeem(url, id, code)).status),
    );
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 400]);
    await one.stop();
    await two.stop();
  });

  test("S13: no code, token or client secret is in the file", async () => {
    const running = await startServer({ where });
    const id = await registerClient(running.url);
    const response = await fetch(`${running.url}/register`, {
      method: "POST",
      body: JSON.stringify({ redirect_uris: ["https://a.example/cb"] }),
    });
    const { client_secret } = (await response.json()) as { client_secret: string };
    const first = await connect(running.url, id);
    const second = (await (await refresh(running.url, id, first.refresh_token)).json()) as typeof first;
    const code = await obtainCode(running.url, id);
    const bytes = ["", "-wal"].map((suffix) => readFileSync(where + suffix).toString("latin1")).join("");
    expect(bytes).toContain(id);
    for (const tokens of [first, second]) {
      expect(bytes).not.toContain(tokens.access_token);
      expect(bytes).not.toContain(tokens.refresh_token);
    }
    for (const secret of [client_secret, code, VERIFIER, TOKEN]) expect(bytes).not.toContain(secret);
    await running.stop();
  });
});

test("S14: expired records are deleted, and are refused before that", async () => {
  const { access_token } = await connect(server.url, client);
  await obtainCode(server.url, client);
  server.clock.now += 24 * HOUR;
  expect(await statusOf(access_token)).toBe(401);
  expect(await listGrants(server.store, server.clock.now)).toEqual([]);
  const earlier = server.clock.now - 24 * HOUR + 1;
  expect(await listGrants(server.store, earlier)).toHaveLength(1);
  server.store.sweep(server.clock.now, { unusedBefore: 0, graceBegan: server.clock.now });
  expect(await listGrants(server.store, earlier)).toEqual([]);
});

import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashSecret } from "../../src/oauth/secrets.ts";
import {
  approve,
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
  postForm,
  redeem,
  refresh,
  registerClient,
  startServer,
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

const tokensOf = async (response: Response) => (await response.json()) as Tokens;
const works = async (token: string) => (await callResource(server.url, token)).status === 200;

describe("the form", () => {
  test("T1: must be a form, in any case and with any charset", async () => {
    const code = await obtainCode(server.url, client);
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      client_id: client,
      code,
      code_verifier: VERIFIER,
    }).toString();
    const send = (type: string) =>
      fetch(`${server.url}/token`, { method: "POST", headers: { "Content-Type": type }, body });
    for (const type of ["application/json", "text/plain", "multipart/form-data; boundary=x"]) {
      const response = await send(type);
      expect([response.status, await errorOf(response)]).toEqual([400, "invalid_request"]);
    }
    expect((await send('Application/X-WWW-Form-Urlencoded ; Charset="utf-8"')).status).toBe(200);
  });

  test("T1: answers and errors are JSON that no cache keeps", async () => {
    const good = await redeem(server.url, client, await obtainCode(server.url, client));
    const bad = await redeem(server.url, client, "nonsense");
    for (const response of [good, bad]) {
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(response.headers.get("pragma")).toBe("no-cache");
      expect(response.headers.get("content-type")).toStartWith("application/json");
    }
  });

  test("T1: anything but POST gets a 405 in JSON", async () => {
    const response = await fetch(`${server.url}/token?grant_type=authorization_code`);
    expect([response.status, await errorOf(response)]).toEqual([405, "invalid_request"]);
  });

  test("T7: the answer has exactly the members of RFC 6749", async () => {
    const tokens = await tokensOf(await redeem(server.url, client, await obtainCode(server.url, client)));
    expect(tokens as unknown).toEqual({
      access_token: expect.stringMatching(/^[\w-]{43}$/),
      refresh_token: expect.stringMatching(/^[\w-]{43}\.[\w-]{43}$/),
      token_type: "Bearer",
      expires_in: 3600,
      scope: "mcp",
    });
  });

  for (const [fields, error, status] of [
    [{}, "invalid_request", 400],
    [{ grant_type: "" }, "invalid_request", 400],
    [{ grant_type: "password" }, "unsupported_grant_type", 400],
    [{ grant_type: "client_credentials" }, "unsupported_grant_type", 400],
    [{ grant_type: "__proto__" }, "unsupported_grant_type", 400],
    [{ grant_type: "constructor" }, "unsupported_grant_type", 400],
    [{ grant_type: "authorization_code" }, "invalid_request", 400],
    [{ grant_type: "refresh_token" }, "invalid_request", 400],
    [{ grant_type: "refresh_token", refresh_token: "unknown" }, "invalid_grant", 400],
    [{ grant_type: "authorization_code", code: "unknown", code_verifier: VERIFIER }, "invalid_grant", 400],
    [{ grant_type: "refresh_token", client_id: "" }, "invalid_client", 401],
    [{ grant_type: "refresh_token", client_id: "unknown", refresh_token: "x" }, "invalid_client", 401],
    [{ grant_type: "refresh_token", client_id: "__proto__", refresh_token: "x" }, "invalid_client", 401],
  ] as [Record<string, string>, string, number][]) {
    test(`T11, T12: ${JSON.stringify(fields)} is ${error}`, async () => {
      const response = await postForm(server.url, "/token", { client_id: client, ...fields });
      expect([response.status, await errorOf(response)]).toEqual([status, error]);
      expect(response.headers.get("www-authenticate")).toBeNull();
    });
  }

  test("T13: a repeated parameter is invalid_request, an unknown one is ignored", async () => {
    const code = await obtainCode(server.url, client);
    const fields: [string, string][] = Object.entries({
      grant_type: "authorization_code",
      client_id: client,
      code,
      code_verifier: VERIFIER,
      what: "ever",
    });
    for (const [name, value] of fields) {
      const response = await postForm(server.url, "/token", [...fields, [name, value]]);
      expect([name, response.status, await errorOf(response)]).toEqual([name, 400, "invalid_request"]);
    }
    expect((await postForm(server.url, "/token", fields)).status).toBe(200);
  });
});

describe("a code", () => {
  test("T2: is worth nothing without its verifier, and a wrong guess does not use it up", async () => {
    const code = await obtainCode(server.url, client);
    const wrong = { "": "invalid_request", short: "invalid_grant", [`${VERIFIER}x`]: "invalid_grant" };
    for (const [code_verifier, error] of Object.entries({ ...wrong, ["v".repeat(129)]: "invalid_grant" })) {
      const response = await redeem(server.url, client, code, { code_verifier });
      expect([code_verifier, response.status, await errorOf(response)]).toEqual([code_verifier, 400, error]);
    }
    expect((await redeem(server.url, client, code)).status).toBe(200);
  });

  test("T3: goes with its redirect_uri, to the letter, or with none", async () => {
    const code = await obtainCode(server.url, client);
    for (const redirect_uri of ["https://evil.example/", `${CALLBACK}/`, "http://127.0.0.1:5555/callback"]) {
      expect(await errorOf(await redeem(server.url, client, code, { redirect_uri }))).toBe("invalid_grant");
    }
    expect((await redeem(server.url, client, code, { redirect_uri: "" })).status).toBe(200);
  });

  test("T4: belongs to one client, and another's try does not use it up", async () => {
    const code = await obtainCode(server.url, client);
    const other = await registerClient(server.url);
    expect(await errorOf(await redeem(server.url, other, code))).toBe("invalid_grant");
    expect((await redeem(server.url, client, code)).status).toBe(200);
  });

  test("T4: presented again with everything right ends the tokens it gave", async () => {
    const code = await obtainCode(server.url, client);
    const tokens = await tokensOf(await redeem(server.url, client, code));
    expect(await works(tokens.access_token)).toBe(true);
    server.clock.now += 10 * MINUTE;
    expect(await errorOf(await redeem(server.url, client, code))).toBe("invalid_grant");
    expect(await works(tokens.access_token)).toBe(false);
    expect(await errorOf(await refresh(server.url, client, tokens.refresh_token))).toBe("invalid_grant");
    expect(server.revoked).toHaveLength(1);
  });

  test("T4: presented again with another verifier, client or redirect URI ends nothing", async () => {
    const code = await obtainCode(server.url, client);
    const tokens = await tokensOf(await redeem(server.url, client, code));
    const other = await registerClient(server.url);
    await redeem(server.url, client, code, { code_verifier: "w".repeat(43) });
    await redeem(server.url, other, code);
    await redeem(server.url, client, code, { redirect_uri: "https://evil.example/" });
    expect(await works(tokens.access_token)).toBe(true);
    expect(server.revoked).toEqual([]);
  });

  test("T5: redeemed ten times at once gives tokens once", async () => {
    const code = await obtainCode(server.url, client);
    const responses = await Promise.all(Array.from({ length: 10 }, () => redeem(server.url, client, code)));
    expect(responses.map((response) => response.status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array(9).fill(400),
    ]);
  });

  test("A18: is good for a minute and not longer", async () => {
    const [early, late] = [await obtainCode(server.url, client), await obtainCode(server.url, client)];
    server.clock.now += MINUTE - 1;
    expect((await redeem(server.url, client, early)).status).toBe(200);
    server.clock.now += 1;
    expect(await errorOf(await redeem(server.url, client, late))).toBe("invalid_grant");
  });

  test("T6: at the token endpoint the resource may be narrowed, not changed", async () => {
    const both = `${authorizeQuery(client)}&resource=${server.issuer}/mcp&resource=${server.issuer}/sse`;
    const codeFor = async (query: string) =>
      (await approve(server.url, query)).searchParams.get("code") ?? "";
    const one = await codeFor(authorizeQuery(client, { resource: `${server.issuer}/mcp` }));
    for (const resource of [
      "https://other.example/mcp",
      `${server.issuer}/sse`,
      "/mcp",
      `${server.issuer}/mcp#x`,
    ]) {
      expect(await errorOf(await redeem(server.url, client, one, { resource }))).toBe("invalid_target");
    }
    expect((await redeem(server.url, client, one, { resource: `${server.issuer}/mcp/` })).status).toBe(200);
    expect(
      (await redeem(server.url, client, await codeFor(both), { resource: `${server.issuer}/sse` })).status,
    ).toBe(200);
  });
});

describe("whether there is a refresh token", () => {
  const cases: [grantTypes: string[] | undefined, scope: string, isIssued: boolean][] = [
    [undefined, "mcp", true],
    [undefined, "mcp offline_access", true],
    [["authorization_code", "refresh_token"], "mcp", true],
    [["authorization_code"], "mcp", false],
    [["authorization_code"], "mcp offline_access", true],
  ];
  for (const [grant_types, scope, isIssued] of cases) {
    test(`T8: registered for ${grant_types?.join(" ") ?? "nothing"} and asking for ${scope}: ${isIssued ? "yes" : "no"}`, async () => {
      const id = await registerClient(server.url, { grant_types });
      const tokens = await connect(server.url, id, { scope });
      expect(typeof tokens.refresh_token).toBe(isIssued ? "string" : "undefined");
      if (isIssued) expect((await refresh(server.url, id, tokens.refresh_token)).status).toBe(200);
    });
  }

  test("T12: a client that is not registered for refreshing gets unauthorized_client", async () => {
    const id = await registerClient(server.url, { grant_types: ["authorization_code"] });
    expect(await errorOf(await refresh(server.url, id, "whatever"))).toBe("unauthorized_client");
  });
});

describe("a refresh token", () => {
  test("T9: gives new tokens, and its successor goes on", async () => {
    const first = await connect(server.url, client);
    const second = await tokensOf(await refresh(server.url, client, first.refresh_token));
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(await works(second.access_token)).toBe(true);
    expect((await refresh(server.url, client, second.refresh_token)).status).toBe(200);
  });

  test("T9: used again within a minute, also by many at once, leads to the same successor", async () => {
    const { refresh_token } = await connect(server.url, client);
    const responses = await Promise.all(
      Array.from({ length: 8 }, () => refresh(server.url, client, refresh_token)),
    );
    const answers = await Promise.all(responses.map(tokensOf));
    server.clock.now += MINUTE;
    answers.push(await tokensOf(await refresh(server.url, client, refresh_token)));
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1);
    for (const answer of answers) expect(await works(answer.access_token)).toBe(true);
    expect((await refresh(server.url, client, answers[0]?.refresh_token ?? "")).status).toBe(200);
    expect(server.revoked).toEqual([]);
  });

  test("T9: used again after that minute ends the whole grant", async () => {
    const first = await connect(server.url, client);
    const second = await tokensOf(await refresh(server.url, client, first.refresh_token));
    server.clock.now += MINUTE + 1;
    expect(await errorOf(await refresh(server.url, client, first.refresh_token))).toBe("invalid_grant");
    expect(await works(first.access_token)).toBe(false);
    expect(await works(second.access_token)).toBe(false);
    expect(await errorOf(await refresh(server.url, client, second.refresh_token))).toBe("invalid_grant");
    expect(server.events.filter((event) => event.state === "revoked")).toHaveLength(1);
  });

  test("T10: of another client is refused and stays whole", async () => {
    const { refresh_token, access_token } = await connect(server.url, client);
    const other = await registerClient(server.url);
    await refresh(server.url, client, refresh_token);
    server.clock.now += 2 * MINUTE;
    expect(await errorOf(await refresh(server.url, other, refresh_token))).toBe("invalid_grant");
    expect(await works(access_token)).toBe(true);
  });

  test("T10: never gives more scope or another resource than was granted, and may give less", async () => {
    const { refresh_token } = await connect(server.url, client, { scope: "mcp offline_access" });
    expect(await errorOf(await refresh(server.url, client, refresh_token, { scope: "mcp admin" }))).toBe(
      "invalid_scope",
    );
    const resource = `${server.issuer}/sse`;
    expect(await errorOf(await refresh(server.url, client, refresh_token, { resource }))).toBe(
      "invalid_target",
    );
    const less = await tokensOf(await refresh(server.url, client, refresh_token, { scope: "mcp" }));
    expect(less.scope).toBe("mcp");
    const again = await tokensOf(await refresh(server.url, client, less.refresh_token));
    expect(again.scope).toBe("mcp offline_access");
  });

  test("T10: lies idle for its lifetime and no longer, and no grant lives for ever", async () => {
    let { refresh_token } = await connect(server.url, client);
    for (let day = 0; day < 4; day += 1) {
      server.clock.now += 24 * HOUR - 1000;
      const response = await refresh(server.url, client, refresh_token);
      expect(response.status).toBe(200);
      ({ refresh_token } = await tokensOf(response));
    }
    server.clock.now += HOUR;
    expect(await errorOf(await refresh(server.url, client, refresh_token))).toBe("invalid_grant");
    const idle = await connect(server.url, client);
    server.clock.now += 24 * HOUR;
    expect(await errorOf(await refresh(server.url, client, idle.refresh_token))).toBe("invalid_grant");
  });
});

describe("a used refresh token", () => {
  let folder: string;
  let where: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mcp-expose-used-"));
    where = join(folder, "state.db");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const readRows = () => {
    const db = new Database(where, { readonly: true });
    const rows = db.query<Json, []>("SELECT * FROM refresh_tokens WHERE replaced_at IS NOT NULL").all();
    db.close();
    return rows;
  };

  test("found 22: is known by its family when nothing is kept of itself, and still ends the grant", async () => {
    const publicUrl = "https://stays.example";
    const before = await startServer({ where, publicUrl });
    const id = await registerClient(before.url);
    const used = await connect(before.url, id);
    const present = await tokensOf(await refresh(before.url, id, used.refresh_token));
    const usedAt = before.clock.now;
    expect(readRows()[0]?.["sealed_successor"]).toBeString();
    await before.stop();
    const after = await startServer({ where, publicUrl, now: () => usedAt + 2 * MINUTE });
    await until(() => readRows().length === 0);
    expect(await errorOf(await refresh(after.url, id, used.refresh_token))).toBe("invalid_grant");
    expect(await errorOf(await refresh(after.url, id, present.refresh_token))).toBe("invalid_grant");
    expect(after.logged.join("")).toContain("was used twice");
    await after.stop();
  });

  /** A thief exchanges the token again and again, over days and restarts; then its owner comes. */
  test("found 22: ends the grant whenever its owner shows it, even after a thief has used it", async () => {
    const publicUrl = "https://stays.example";
    let running = await startServer({ where, publicUrl });
    const id = await registerClient(running.url);
    const stolen = await connect(running.url, id);
    let thiefs = stolen;
    const passTime = async () => {
      const now = running.clock.now + HOUR + 1;
      await running.stop();
      running = await startServer({ where, publicUrl });
      running.clock.now = now;
      running.store.sweep(now, { unusedBefore: 0, graceBegan: now - MINUTE });
    };
    for (let round = 0; round < 4; round += 1) {
      for (let count = 0; count < 400; count += 1) {
        running.clock.now += 1_000;
        thiefs = await tokensOf(await refresh(running.url, id, thiefs.refresh_token));
      }
      await passTime();
    }
    thiefs = await tokensOf(await refresh(running.url, id, thiefs.refresh_token));
    expect(readRows()).toHaveLength(1);
    expect(await errorOf(await refresh(running.url, id, stolen.refresh_token))).toBe("invalid_grant");
    expect(await errorOf(await refresh(running.url, id, thiefs.refresh_token))).toBe("invalid_grant");
    expect(running.store.listGrants(running.clock.now)).toEqual([]);
    await running.stop();
  });

  test("found 22: ends the grant at another server on the same file, too", async () => {
    const publicUrl = "https://stays.example";
    const [one, other] = [await startServer({ where, publicUrl }), await startServer({ where, publicUrl })];
    const id = await registerClient(one.url);
    const stolen = await connect(one.url, id);
    let thiefs = stolen;
    for (let count = 0; count < 20; count += 1)
      thiefs = await tokensOf(await refresh((count % 2 === 0 ? one : other).url, id, thiefs.refresh_token));
    for (const running of [one, other]) {
      running.clock.now += 3 * MINUTE;
      running.store.sweep(running.clock.now, { unusedBefore: 0, graceBegan: running.clock.now - MINUTE });
    }
    expect(await errorOf(await refresh(other.url, id, stolen.refresh_token))).toBe("invalid_grant");
    expect(await errorOf(await refresh(one.url, id, thiefs.refresh_token))).toBe("invalid_grant");
    expect((await callResource(one.url, thiefs.access_token)).status).toBe(401);
    for (const running of [one, other]) await running.stop();
  });

  test("found 22: takes its grant along at the revocation endpoint, too", async () => {
    const used = await connect(server.url, client);
    const present = await tokensOf(await refresh(server.url, client, used.refresh_token));
    server.clock.now += 2 * MINUTE;
    server.store.sweep(server.clock.now, { unusedBefore: 0, graceBegan: server.clock.now - MINUTE });
    await postForm(server.url, "/revoke", { client_id: client, token: used.refresh_token });
    expect(await works(present.access_token)).toBe(false);
  });

  test("found 22: one that expired unused ends nothing, nor does an unknown one", async () => {
    const other = await startServer({ where, accessTtl: 48 * HOUR, refreshTtl: HOUR });
    const id = await registerClient(other.url);
    const { access_token, refresh_token } = await connect(other.url, id);
    other.clock.now += HOUR + 1;
    other.store.sweep(other.clock.now, { unusedBefore: 0, graceBegan: other.clock.now - MINUTE });
    const [, secret = ""] = refresh_token.split(".");
    for (const token of [refresh_token, `${"x".repeat(43)}.${secret}`, secret, "."])
      expect(await errorOf(await refresh(other.url, id, token))).toBe("invalid_grant");
    expect((await callResource(other.url, access_token)).status).toBe(200);
    await other.stop();
  });

  test("found 22: is repeated a hundred times in its minute, so it pushes no access token out", async () => {
    const { refresh_token, access_token } = await connect(server.url, client);
    const statuses = [];
    for (let count = 0; count < 1_010; count += 1)
      statuses.push((await refresh(server.url, client, refresh_token)).status);
    expect(statuses).toEqual([...Array<number>(101).fill(200), ...Array<number>(909).fill(429)]);
    expect(await works(access_token)).toBe(true);
    server.clock.now += MINUTE + 1;
    expect(await errorOf(await refresh(server.url, client, refresh_token))).toBe("invalid_grant");
    expect(server.store.listGrants(server.clock.now)).toEqual([]);
  });

  test("found 22: can be exchanged a hundred times a minute by a grant, and every hour for ever", async () => {
    const slow = await startServer({ where, accessTtl: 720 * HOUR, refreshTtl: 2160 * HOUR });
    const id = await registerClient(slow.url);
    let { refresh_token } = await connect(slow.url, id);
    for (let count = 0; count < 600; count += 1) {
      slow.clock.now += HOUR;
      ({ refresh_token } = await tokensOf(await refresh(slow.url, id, refresh_token)));
    }
    slow.clock.now += HOUR;
    for (let count = 0; count < 100; count += 1)
      ({ refresh_token } = await tokensOf(await refresh(slow.url, id, refresh_token)));
    const response = await refresh(slow.url, id, refresh_token);
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "60"]);
    slow.clock.now += MINUTE;
    expect((await refresh(slow.url, id, refresh_token)).status).toBe(200);
    await slow.stop();
  });

  test("found 22: of a file from before there were families leads on, and ends the grant when shown again", async () => {
    const publicUrl = "https://stays.example";
    const running = await startServer({ where, publicUrl });
    const id = await registerClient(running.url);
    const old = await Promise.all([1, 2].map(() => connect(running.url, id)));
    const [bare = "", longUsed = ""] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString("base64url"));
    const db = new Database(where);
    const write = db.prepare("UPDATE refresh_tokens SET hash = ?, family = NULL WHERE hash = ?");
    write.run(hashSecret(bare), hashSecret(old[0]?.refresh_token ?? ""));
    db.run("UPDATE refresh_tokens SET family = NULL WHERE hash = ?", [
      hashSecret(old[1]?.refresh_token ?? ""),
    ]);
    db.run(
      `INSERT INTO refresh_tokens (hash, grant_id, issued_at, expires_at, replaced_at, sealed_successor)
        SELECT ?, grant_id, issued_at, expires_at, issued_at, 'x' FROM refresh_tokens WHERE hash = ?`,
      [hashSecret(longUsed), hashSecret(old[1]?.refresh_token ?? "")],
    );
    db.close();
    const sweep = () =>
      running.store.sweep(running.clock.now, { unusedBefore: 0, graceBegan: running.clock.now - MINUTE });
    const next = await tokensOf(await refresh(running.url, id, bare));
    expect(await tokensOf(await refresh(running.url, id, bare))).toMatchObject({
      refresh_token: next.refresh_token,
    });
    running.clock.now += 2 * MINUTE;
    sweep();
    expect((await refresh(running.url, id, next.refresh_token)).status).toBe(200);
    expect(readRows().find(({ hash }) => hash === hashSecret(longUsed))).toMatchObject({
      sealed_successor: null,
    });
    for (const token of [bare, longUsed])
      expect(await errorOf(await refresh(running.url, id, token))).toBe("invalid_grant");
    expect(running.store.listGrants(running.clock.now)).toEqual([]);
    await running.stop();
  });
});

describe("revocation", () => {
  const revoke = (fields: Record<string, string>) =>
    postForm(server.url, "/revoke", { client_id: client, ...fields });

  test("S11: of a refresh token ends the grant", async () => {
    const { access_token, refresh_token } = await connect(server.url, client);
    const response = await revoke({ token: refresh_token, token_type_hint: "access_token" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    expect(await works(access_token)).toBe(false);
    expect(await errorOf(await refresh(server.url, client, refresh_token))).toBe("invalid_grant");
    expect(server.revoked).toHaveLength(1);
  });

  test("S11: of an access token ends that one, and its streams", async () => {
    const { access_token, refresh_token } = await connect(server.url, client);
    expect((await revoke({ token: access_token })).status).toBe(200);
    expect(await works(access_token)).toBe(false);
    expect(server.revoked).toHaveLength(1);
    expect((await refresh(server.url, client, refresh_token)).status).toBe(200);
  });

  test("S11: of an unknown or another client's token is a 200 that does nothing", async () => {
    const tokens = await connect(server.url, client);
    const client_id = await registerClient(server.url);
    for (const token of ["unknown", tokens.access_token, tokens.refresh_token]) {
      expect((await revoke({ client_id, token })).status).toBe(200);
    }
    expect(await works(tokens.access_token)).toBe(true);
    expect((await refresh(server.url, client, tokens.refresh_token)).status).toBe(200);
  });

  test("S12: a wrong or unknown hint changes nothing", async () => {
    for (const token_type_hint of ["refresh_token", "saml", ""]) {
      const { access_token } = await connect(server.url, client);
      const response = await revoke({ token: access_token, token_type_hint });
      expect([response.status, await works(access_token)]).toEqual([200, false]);
    }
  });

  test("S11: needs a known client and a token", async () => {
    const unknown = await revoke({ client_id: "unknown", token: "x" });
    expect([unknown.status, await errorOf(unknown)]).toEqual([401, "invalid_client"]);
    expect(await errorOf(await revoke({}))).toBe("invalid_request");
    expect((await fetch(`${server.url}/revoke`)).status).toBe(405);
  });
});

test("T11: the wire does not say why, the log does, and neither shows a secret", async () => {
  const code = await obtainCode(server.url, client);
  const tokens = await tokensOf(await redeem(server.url, client, code));
  const replay = (await (await redeem(server.url, client, code)).json()) as Json;
  const unknown = (await (await redeem(server.url, client, "unknown")).json()) as Json;
  expect(replay).toEqual(unknown);
  const log = server.logged.join("");
  expect(log).toContain("redeemed before");
  for (const secret of [code, tokens.access_token, tokens.refresh_token, VERIFIER])
    expect(log).not.toContain(secret);
});

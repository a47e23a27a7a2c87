import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { messageOf } from "../../src/errors.ts";
import { listGrants } from "../../src/oauth/tokens/grants.ts";
import type { OAuthOptions } from "../../src/oauth/oauth.ts";
import { createPinnedGet } from "../../src/oauth/clients/pinned-get.ts";
import { describeApp, type DocumentHost, startDocumentHost } from "./document-host.ts";
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
  openPage,
  obtainCode,
  redeem,
  refresh,
  registerClient,
  startServer,
  until,
} from "./harness.ts";

let host: DocumentHost;
let server: Harness;
beforeAll(() => {
  host = startDocumentHost();
});
afterAll(() => host.stop());
beforeEach(async () => {
  host.asked.length = 0;
  host.resolved.length = 0;
  host.addresses.clear();
  server = await startServer({ get: host.get });
});
afterEach(() => server.stop());

const pageFor = (id: string, overrides: Record<string, string> = {}) =>
  openPage(server.url, authorizeQuery(id, overrides));

/** The person gets a page, and the browser is not redirected. */
async function expectRefused(id: string, overrides: Record<string, string> = {}) {
  const { response, html } = await pageFor(id, overrides);
  expect([response.status, response.headers.get("location")]).toEqual([400, null]);
  expect(html).toContain("This connection cannot be made");
}

describe("a client that is known by its document", () => {
  test("R2: connects, calls and refreshes without having registered", async () => {
    const id = host.serve("/app.json", (request) =>
      Response.json(describeApp(id), { headers: { "X-Asked": request.headers.get("host") ?? "" } }),
    );
    const tokens = await connect(server.url, id);
    expect((await callResource(server.url, tokens.access_token)).status).toBe(200);
    expect((await refresh(server.url, id, tokens.refresh_token)).status).toBe(200);
    expect(host.asked).toEqual(["/app.json"]);
    expect(server.events.at(-1)).toMatchObject({
      state: "refreshed",
      clientId: id,
      clientName: "Documented App",
    });
  });

  test("found 23: is listed by the host of its document, which says more than a port on loopback", async () => {
    const id = host.serve("/app.json", { ...describeApp(host.url("/app.json")), client_name: "\u3164" });
    await connect(server.url, id);
    const [grant] = await listGrants(server.store, server.clock.now);
    expect(grant).toMatchObject({
      host: new URL(id).host,
      clientName: new URL(id).host,
      source: "192.0.2.1",
    });
  });

  for (const type of ["application/json", "application/json; charset=utf-8", "application/client+json"]) {
    test(`R2: its document may come as ${type}`, async () => {
      const id = host.serve("/typed.json", () => {
        return new Response(JSON.stringify(describeApp(id)), { headers: { "Content-Type": type } });
      });
      expect((await pageFor(id)).response.status).toBe(200);
    });
  }

  test("R2: its redirect URI must be one of the document's", async () => {
    const id = host.serve("/app.json", describeApp(host.url("/app.json")));
    await expectRefused(id, { redirect_uri: "https://evil.example/" });
  });

  test("R8: the page names the host that describes it and where the answer goes, and warns of a local one", async () => {
    const id = host.serve(
      "/app.json",
      describeApp(host.url("/app.json"), { logo_uri: "https://evil.example/logo" }),
    );
    const { html } = await pageFor(id);
    expect(html).toContain(`according to ${new URL(id).host}`);
    expect(html).toContain("127.0.0.1:4444");
    expect(html).toContain("Any program on your computer");
    expect(html).not.toContain("logo");
  });

  test("R12: no id that is given out looks like one of a document, and none can be registered", async () => {
    const id = await registerClient(server.url, { client_id: host.url("/app.json") });
    expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("the URL", () => {
  const wrong: Record<string, (good: string) => string> = {
    "http scheme": (good) => good.replace("https:", "http:"),
    "no path": (good) => new URL(good).origin,
    "the root path": (good) => `${new URL(good).origin}/`,
    "a fragment": (good) => `${good}#x`,
    "an empty fragment": (good) => `${good}#`,
    "a user": (good) => good.replace("https://", "https://user@"),
    "a password": (good) => good.replace("https://", "https://user:pw@"),
    "a dot segment": (good) => good.replace("/app", "/x/../app"),
    "a single dot": (good) => good.replace("/app", "/./app"),
    "an encoded dot segment": (good) => good.replace("/app", "/x/%2e%2e/app"),
    "an encoded dot in a name": (good) => good.replace(".json", "%2Ejson"),
    "a host in upper case": (good) => good.replace("localhost", "LOCALHOST"),
    "5,000 characters": (good) => `${good}?${"x".repeat(5000)}`,
    "a file": () => "file:///etc/passwd",
    "a default port": () => "https://localhost:443/app.json",
    "a decimal address": () => "https://2130706433/app.json",
    "an octal address": () => "https://0177.0.0.1/app.json",
    "a short address": () => "https://127.1/app.json",
    "another scheme": () => "ftp://localhost/app.json",
    "no host": () => "https:///app.json",
  };
  for (const [what, spoil] of Object.entries(wrong)) {
    test(`R1: with ${what} is not a client_id, and nothing is fetched`, async () => {
      const good = host.serve("/app.json", describeApp(host.url("/app.json")));
      await expectRefused(spoil(good));
      expect([host.asked, host.resolved]).toEqual([[], []]);
    });
  }
});

describe("a document", () => {
  const contents: Record<string, (id: string) => unknown> = {
    "of another client": () => describeApp(host.url("/other.json")),
    "whose id has a slash more": (id) => describeApp(`${id}/`),
    "without an id": (id) => ({ ...describeApp(id), client_id: undefined }),
    "without a name": (id) => describeApp(id, { client_name: undefined }),
    "with an empty name": (id) => describeApp(id, { client_name: " " }),
    "without redirect URIs": (id) => describeApp(id, { redirect_uris: undefined }),
    "with no redirect URI": (id) => describeApp(id, { redirect_uris: [] }),
    "with a script for a redirect URI": (id) =>
      describeApp(id, { redirect_uris: [CALLBACK, "javascript:alert(1)"] }),
    "with a remote http redirect URI": (id) =>
      describeApp(id, { redirect_uris: [CALLBACK, "http://remote.example/"] }),
    "that is a list": (id) => [describeApp(id)],
    "that is text": () => "text",
    "with a grant type we do not have alone": (id) => describeApp(id, { grant_types: ["implicit"] }),
  };
  for (const [what, make] of Object.entries(contents)) {
    test(`R2: ${what} is refused`, async () => {
      const id = host.serve("/bad.json", () => Response.json(make(id)));
      await expectRefused(id);
      expect(host.asked).toEqual(["/bad.json"]);
    });
  }

  for (const [what, more] of Object.entries<Json>({
    "a secret": { client_secret: "x" },
    "a secret's end": { client_secret_expires_at: 0 },
    client_secret_basic: { token_endpoint_auth_method: "client_secret_basic" },
    client_secret_jwt: { token_endpoint_auth_method: "client_secret_jwt" },
    "a secret method among others": { token_endpoint_auth_methods_supported: ["none", "client_secret_post"] },
    "a symmetric key": {
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [{ kty: "oct", k: "c2VjcmV0" }] },
    },
    "a private key": {
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [{ kty: "EC", d: "x" }] },
    },
  })) {
    test(`R3: with ${what} is refused`, async () => {
      const id = host.serve("/secret.json", () => Response.json(describeApp(id, more)));
      await expectRefused(id);
    });
  }

  const answers: Record<string, (document: string) => Response> = {
    "that is broken": (document) => raw(document.slice(1)),
    "in HTML": (document) => new Response(document, { headers: { "Content-Type": "text/html" } }),
    "of no type": (document) => new Response(new TextEncoder().encode(document)),
    "that is elsewhere": () => Response.redirect(host.url("/good.json")),
    "that is at the metadata service": () => Response.redirect("http://169.254.169.254/latest/meta-data"),
    "that is not there": () => new Response("{}", { status: 404 }),
    "of a broken server": () => Response.json({}, { status: 500 }),
    "that is answered with 201": (document) => raw(document, { status: 201 }),
    "of 40 MB": () => raw(" ".repeat(40_000_000)),
    "of 5 KB and a byte": (document) => raw(document.padEnd(5 * 1024 + 1)),
    "in Latin 1": () => raw(Buffer.from('{"client_name":"é"}', "latin1")),
    "that is compressed unasked": (document) =>
      raw(Bun.gzipSync(document), {
        headers: { "Content-Type": "application/json", "Content-Encoding": "gzip" },
      }),
  };
  const raw = (body: Bun.BodyInit, init: ResponseInit = {}) =>
    new Response(body, { headers: { "Content-Type": "application/json" }, ...init });
  for (const [what, answer] of Object.entries(answers)) {
    test(`R2, R5, R7: ${what} is refused with a page and no redirect, and nothing else is fetched`, async () => {
      host.serve("/good.json", describeApp(host.url("/good.json")));
      const id = host.serve("/fetch.json", () => answer(JSON.stringify(describeApp(id))));
      await expectRefused(id);
      expect(host.asked).toEqual(["/fetch.json"]);
    });
  }

  test("R5: of exactly the size limit is accepted", async () => {
    const id = host.serve("/full.json", () => raw(JSON.stringify(describeApp(id)).padEnd(5 * 1024)));
    expect((await pageFor(id)).response.status).toBe(200);
  });

  test("R5, T14: that never ends is aborted in time to inform the person", async () => {
    let isCancelled = false;
    const id = host.serve("/slow.json", () => {
      const drip = new ReadableStream({
        async pull(controller) {
          await Bun.sleep(200);
          controller.enqueue(new Uint8Array([32]));
        },
        cancel: () => void (isCancelled = true),
      });
      return raw(drip);
    });
    const startedAt = performance.now();
    await expectRefused(id);
    expect(performance.now() - startedAt).toBeLessThan(9000);
    expect(isCancelled).toBe(true);
  }, 20_000);

  test("R5: that many requests name at once is fetched once", async () => {
    const id = host.serve("/popular.json", async () => {
      await Bun.sleep(50);
      return Response.json(describeApp(id));
    });
    const pages = await Promise.all(Array.from({ length: 20 }, () => pageFor(id)));
    expect(new Set(pages.map(({ response }) => response.status))).toEqual(new Set([200]));
    expect(host.asked).toEqual(["/popular.json"]);
  });

  /** Documents whose host answers on command. */
  function serveSlowly(count: number) {
    const gate = Promise.withResolvers<void>();
    const ids = Array.from({ length: count }, (_, index) => {
      const path = `/crowd-${index}.json`;
      return host.serve(path, async () => {
        await gate.promise;
        return Response.json(describeApp(host.url(path)));
      });
    });
    return { ids, answer: () => gate.resolve() };
  }
  /** Asks for each from its place, the next when the one before is being fetched or was refused. */
  async function askInTurn(ids: readonly string[], placeOf: (index: number) => string) {
    const statuses: Promise<number>[] = [];
    for (const [index, id] of ids.entries()) {
      server.source.address = placeOf(index);
      const status = pageFor(id).then(({ response }) => response.status);
      statuses.push(status);
      await Promise.race([status, until(() => host.asked.includes(new URL(id).pathname))]);
    }
    return { statuses: () => Promise.all(statuses) };
  }

  test("found 18: R5: that is slow, eight times from one place, does not delay documents of others", async () => {
    const { ids, answer } = serveSlowly(9);
    const quick = host.serve("/quick.json", describeApp(host.url("/quick.json")));
    // Many addresses do not make it many places.
    const crowd = await askInTurn(ids, (index) => `192.0.2.${index}`);
    expect(host.asked).toEqual(["/crowd-0.json", "/crowd-1.json"]);
    server.source.address = "198.51.100.1";
    expect((await pageFor(quick)).response.status).toBe(200);
    answer();
    expect(await crowd.statuses()).toEqual([200, 200, ...Array<number>(7).fill(400)]);
  });

  test("R5: of a crowd from many places is not fetched", async () => {
    const { ids, answer } = serveSlowly(12);
    const crowd = await askInTurn(ids, (index) => `10.0.${index}.1`);
    expect(host.asked).toHaveLength(8);
    answer();
    expect(await crowd.statuses()).toEqual([...Array<number>(8).fill(200), ...Array<number>(4).fill(400)]);
  });

  test("R5: fetches for one source are limited", async () => {
    for (let i = 0; i < 80; i += 1) await pageFor(host.url(`/miss-${i}.json`));
    expect(host.asked.length).toBe(60);
    const id = host.serve("/app.json", describeApp(host.url("/app.json")));
    await expectRefused(id);
    server.source.address = "192.0.2.99";
    expect((await pageFor(id)).response.status).toBe(200);
  });
});

describe("an address", () => {
  const special = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "2001:db8::1",
  ];
  for (const address of special) {
    test(`R4: ${address} is never fetched from, whether a name leads there or the URL says it`, async () => {
      host.addresses.set("client.example", [[address]]);
      await expectRefused("https://client.example/app.json");
      await expectRefused(
        new URL(`https://${address.includes(":") ? `[${address}]` : address}/app.json`).href,
      );
      expect([host.asked, host.resolved]).toEqual([[], ["client.example"]]);
      expect(server.logged.join("")).toContain("which is not public");
    });
  }

  test("R4: that is special spoils a name, although another of its addresses is public", async () => {
    host.addresses.set("client.example", [["93.184.216.34", "2606:4700::1", "10.0.0.1"]]);
    await expectRefused("https://client.example/app.json");
    expect(host.asked).toEqual([]);
  });

  test("R4: loopback is special, too, except in tests", async () => {
    const strict = createPinnedGet({
      resolve: async () => ["127.0.0.1"],
      allowLoopback: false,
      userAgent: "test",
    });
    for (const name of [
      "localhost",
      "127.0.0.1",
      "[::1]",
      "client.example",
      "localhost.",
      "[::ffff:7f00:1]",
    ]) {
      const port = new URL(host.url("/")).port;
      expect(await strict(`https://${name}:${port}/app.json`, 1000).catch(messageOf)).toContain("not public");
    }
    expect(host.asked).toEqual([]);
  });

  test("R4: is resolved once, and the connection goes there even if the name leads elsewhere a moment later", async () => {
    const id = host.serve("/app.json", describeApp(host.url("/app.json")));
    host.addresses.set("localhost", [["127.0.0.2"], ["127.0.0.1"]]);
    expect((await pageFor(id)).response.status).toBe(200);
    expect([host.resolved, host.asked]).toEqual([["localhost"], ["/app.json"]]);
  });

  test("R4: does not excuse a certificate that is another name's", async () => {
    const { port } = new URL(host.url("/"));
    await expectRefused(`https://client.example:${port}/app.json`);
    expect(host.asked).toEqual([]);
    expect(server.logged.join("")).toContain("altnames");
  });

  test("R4: of the keys is judged like that of the document", async () => {
    host.addresses.set("keys.example", [["169.254.169.254"]]);
    const more = { token_endpoint_auth_method: "private_key_jwt", jwks_uri: "https://keys.example/jwks" };
    const id = host.serve("/keyed.json", () => Response.json(describeApp(id, more)));
    const code = (await approve(server.url, authorizeQuery(id))).searchParams.get("code") ?? "";
    const header = Buffer.from('{"alg":"ES256","kid":"1"}').toString("base64url");
    const client_assertion = `${header}.${Buffer.from(JSON.stringify({ sub: id })).toString("base64url")}.AA`;
    const client_assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    const response = await redeem(server.url, id, code, { client_assertion, client_assertion_type });
    expect([response.status, await errorOf(response)]).toEqual([503, "temporarily_unavailable"]);
    expect(host.asked).toEqual(["/keyed.json"]);
  });
});

test("found 9: A23: a document that no one approved does not send a browser anywhere either", async () => {
  const redirect_uri = "https://elsewhere.example/cb";
  const id = host.serve("/app.json", describeApp(host.url("/app.json"), { redirect_uris: [redirect_uri] }));
  await expectRefused(id, { redirect_uri, prompt: "none" });
  await approve(server.url, authorizeQuery(id, { redirect_uri }));
  const { response } = await pageFor(id, { redirect_uri, prompt: "none" });
  expect(response.headers.get("location")).toStartWith(`${redirect_uri}?error=login_required`);
});

describe("how long a document is kept", () => {
  const keeping = (headers: Record<string, string>) => {
    const id = host.serve("/kept.json", () => Response.json(describeApp(id), { headers }));
    return id;
  };
  const fetchesAfter = async (id: string, wait: number) => {
    await pageFor(id);
    server.clock.now += wait;
    await pageFor(id);
    return host.asked.length;
  };
  const date = new Date(Date.UTC(2020, 0, 1)).toUTCString();
  const hourLater = new Date(Date.UTC(2020, 0, 1, 1)).toUTCString();
  const cases: [what: string, headers: Record<string, string>, wait: number, fetches: number][] = [
    ["max-age", { "Cache-Control": "public, max-age=600" }, 10 * MINUTE - 1, 1],
    ["max-age that is over", { "Cache-Control": "max-age=600" }, 10 * MINUTE, 2],
    ["max-age less Age", { "Cache-Control": "max-age=600", Age: "590" }, 11_000, 2],
    ["no-store", { "Cache-Control": "no-store" }, 0, 2],
    ["no-cache", { "Cache-Control": "no-cache, max-age=600" }, 0, 2],
    ["Expires, by the sender's clock", { Expires: hourLater, Date: date }, HOUR - 1, 1],
    ["Expires that is over", { Expires: hourLater, Date: date }, HOUR, 2],
    ["Expires: 0", { Expires: "0" }, 0, 2],
    ["nothing said", {}, 5 * MINUTE - 1, 1],
    ["nothing said, a little later", {}, 5 * MINUTE, 2],
    ["a year", { "Cache-Control": "max-age=31536000" }, 24 * HOUR, 2],
  ];
  for (const [what, headers, wait, fetches] of cases) {
    test(`R6: ${what}: ${fetches} fetch${fetches > 1 ? "es" : ""} within ${wait} ms`, async () => {
      expect(await fetchesAfter(keeping(headers), wait)).toBe(fetches);
    });
  }

  test("R6: errors and documents that were refused are not kept", async () => {
    const id = host.url("/late.json");
    const headers = { "Cache-Control": "max-age=600" };
    host.serve("/late.json", () => Response.json({}, { status: 500, headers }));
    await expectRefused(id);
    host.serve("/late.json", () => Response.json({ ...describeApp(id), client_id: "other" }, { headers }));
    await expectRefused(id);
    host.serve("/late.json", describeApp(id));
    expect((await pageFor(id)).response.status).toBe(200);
  });

  test("R7: a client that was approved goes on when its document cannot be fetched, but cannot be approved anew", async () => {
    const id = host.serve("/app.json", describeApp(host.url("/app.json")));
    const tokens = await connect(server.url, id);
    server.clock.now += HOUR;
    host.serve("/app.json", () => new Response("down", { status: 503 }));
    expect((await refresh(server.url, id, tokens.refresh_token)).status).toBe(200);
    await expectRefused(id);
    const other = host.url("/never.json");
    const unknown = await refresh(server.url, other, tokens.refresh_token);
    expect([unknown.status, await errorOf(unknown)]).toEqual([503, "temporarily_unavailable"]);
  });

  test("R9: a changed document counts at the next approval, which a person gives every time", async () => {
    const id = host.serve("/app.json", describeApp(host.url("/app.json")));
    await connect(server.url, id);
    server.clock.now += HOUR;
    host.serve(
      "/app.json",
      describeApp(id, { redirect_uris: ["https://moved.example/cb"], client_name: "Moved" }),
    );
    await expectRefused(id);
    const page = await pageFor(id, { redirect_uri: "https://moved.example/cb" });
    expect(page.html).toContain("Moved");
    expect(page.html).toContain('name="decision"');
  });
});

describe("ways to authenticate", () => {
  test("R10: ChatGPT's document, which prefers keys and lists none, is a public client", async () => {
    const id = host.serve("/client.json", () =>
      Response.json(
        describeApp(id, {
          client_name: "ChatGPT",
          token_endpoint_auth_method: "private_key_jwt",
          token_endpoint_auth_methods_supported: ["none", "private_key_jwt"],
          token_endpoint_auth_signing_alg: "RS256",
          jwks_uri: host.url("/jwks.json"),
        }),
      ),
    );
    const tokens = await connect(server.url, id);
    expect((await callResource(server.url, tokens.access_token)).status).toBe(200);
    expect(host.asked).toEqual(["/client.json"]);
  });

  for (const [what, more] of Object.entries<Json>({
    "keys alone, but has none": { token_endpoint_auth_method: "private_key_jwt" },
    "what we do not have": { token_endpoint_auth_method: "tls_client_auth" },
    "a list of what we do not have": { token_endpoint_auth_methods_supported: ["tls_client_auth"] },
  })) {
    test(`R10: a document that offers ${what} is refused`, async () => {
      const id = host.serve("/method.json", () => Response.json(describeApp(id, more)));
      await expectRefused(id);
    });
  }

  test("R20: a client with keys alone cannot go without", async () => {
    const more = { token_endpoint_auth_method: "private_key_jwt", jwks_uri: host.url("/jwks.json") };
    const id = host.serve("/keyed.json", () => Response.json(describeApp(id, more)));
    const code = (await approve(server.url, authorizeQuery(id))).searchParams.get("code") ?? "";
    const response = await redeem(server.url, id, code);
    expect([response.status, await errorOf(response)]).toEqual([401, "invalid_client"]);
  });
});

describe("well-known assistants, whose documents cannot be fetched from here", () => {
  const known: Record<string, string> = {
    "https://claude.ai/oauth/mcp-oauth-client-metadata": "https://claude.ai/api/mcp/auth_callback",
    "https://claude.ai/oauth/claude-code-client-metadata": "http://localhost:3118/callback",
    "https://chatgpt.com/oauth/client.json": "https://chatgpt.com/connector_platform_oauth_redirect",
    "https://chatgpt.com/oauth/abc123/client.json": "https://chatgpt.com/connector/oauth/abc123",
    "https://chatgpt.com/oauth/codex/client.json": "http://127.0.0.1:50001/callback",
    "https://chatgpt.com/oauth/codex/abc123/client.json": "http://127.0.0.1:50001/callback/abc123",
    "https://vscode.dev/oauth/client-metadata.json": "http://127.0.0.1:33418/",
    "https://goose-docs.ai/oauth/client-metadata.json": "http://127.0.0.1:7/oauth_callback",
    "https://opencode.ai/oauth/opencode/client.json": "http://127.0.0.1:19876/callback",
    "https://slack.com/.well-known/oauth-client-metadata": "https://oauth2.slack.com/external/auth/callback",
  };
  for (const [id, redirect_uri] of Object.entries(known)) {
    test(`R7: ${id} is known by the built-in table`, async () => {
      host.addresses.set(new URL(id).hostname, [["127.0.0.1"]]);
      expect((await pageFor(id, { redirect_uri })).response.status).toBe(200);
      const code =
        (await approve(server.url, authorizeQuery(id, { redirect_uri }))).searchParams.get("code") ?? "";
      expect((await redeem(server.url, id, code, { redirect_uri })).status).toBe(200);
      await expectRefused(id, { redirect_uri: "https://evil.example/" });
    });
  }

  test("R7: a look-alike is unknown, and one connection's callback is not another's", async () => {
    await expectRefused("https://claude.ai.evil.example/oauth/mcp-oauth-client-metadata");
    await expectRefused("https://chatgpt.com/oauth/abc123/client.json", {
      redirect_uri: "https://chatgpt.com/connector/oauth/other",
    });
    await expectRefused("https://claude.ai/oauth/__proto__");
  });
});

describe("client documents are accepted", () => {
  const withPolicy = async (documents: OAuthOptions["documents"]) => {
    await server.stop();
    server = await startServer({ get: host.get, documents });
  };
  const serve = () => host.serve("/app.json", describeApp(host.url("/app.json")));

  test("R13: only those of allowed hosts", async () => {
    const id = serve();
    await withPolicy({ allow: ["claude.ai", "localhost"], deny: [] });
    expect((await pageFor(id)).response.status).toBe(200);
    await expectRefused("https://client.example/app.json");
    expect(host.resolved).toEqual(["localhost"]);
  });

  test("R13: never those of a denied host or its subdomains, not even from the built-in table", async () => {
    await withPolicy({ deny: ["claude.ai", "host"] });
    const redirect_uri = "https://claude.ai/api/mcp/auth_callback";
    await expectRefused("https://claude.ai/oauth/mcp-oauth-client-metadata", { redirect_uri });
    await expectRefused("https://sub.claude.ai/app.json");
    expect(host.resolved).toEqual([]);
    expect((await pageFor(serve())).response.status).toBe(200);
  });

  test("found 16: R1: a host has one spelling: with a final dot, in another case or with a default port it is not a client_id", async () => {
    await withPolicy({ deny: ["client.example"] });
    for (const host of [
      "client.example.",
      "client.example..",
      "Client.Example",
      "client.example:443",
      "www.client.example.",
    ])
      await expectRefused(`https://${host}/app.json`);
    await expectRefused("https://other.example./app.json");
    expect([host.asked, host.resolved]).toEqual([[], []]);
  });

  test("R13: none when documents are turned off, and then they are not advertised", async () => {
    const metadata = async () =>
      (await (await fetch(`${server.url}/.well-known/oauth-authorization-server`)).json()) as Json;
    expect((await metadata())["client_id_metadata_document_supported"]).toBe(true);
    const id = serve();
    const tokens = await connect(server.url, id);
    await withPolicy(undefined);
    expect(await metadata()).not.toHaveProperty("client_id_metadata_document_supported");
    host.asked.length = 0;
    await expectRefused(id);
    expect(host.asked).toEqual([]);
    expect(await errorOf(await refresh(server.url, id, tokens.refresh_token))).toBe("invalid_client");
  });
});

test("found 23: a grant keeps the name that was on the approval page, even if its document changes afterwards", async () => {
  let client_name = "Name on the page";
  const id = host.serve("/renamed.json", () =>
    Response.json(describeApp(host.url("/renamed.json"), { client_name }), {
      headers: { "Cache-Control": "no-store" },
    }),
  );
  const code = await obtainCode(server.url, id);
  client_name = "Claude";
  expect((await redeem(server.url, id, code)).status).toBe(200);
  const [grant] = await listGrants(server.store, server.clock.now);
  expect(grant?.clientName).toContain("Name on the page");
});

// Access to each tool on every transport, with the real program around a real server.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as SseV1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { createMemoryProvider } from "../acceptance/memory-provider.ts";
import { isUnauthorized, type ProviderV1, type ProviderV2 } from "../acceptance/sdk-clients.ts";
import { createFolder, type Folder } from "../cli/process.ts";
import {
  INITIALIZE,
  listen,
  openSession,
  openSseSession,
  post,
  readAnswer,
  type Wire,
} from "../eras/wire.ts";
import { createLoginRobot } from "../login-robot.ts";
import { type Program, startProgram } from "../program.ts";
import {
  approve,
  authorizeQuery,
  connect,
  redeem,
  refresh,
  registerClient,
  TOKEN,
  type Tokens,
} from "./harness.ts";

setDefaultTimeout(60_000);

const SERVER = join(import.meta.dir, "fixtures/annotated.ts");
const WORDS = ["--tunnel", "none", "--token", TOKEN];
const PREFIX = "io.modelcontextprotocol/";

/** Sends one request in some dialect and returns the HTTP answer to it. */
type Send = (program: Program, headers: Record<string, string>, request: Wire) => Promise<Response>;

const DIALECTS: Record<string, Send> = {
  "with a session": async ({ ready }, headers, request) => {
    const session = await openSession(ready.url, headers);
    return session.send({ jsonrpc: "2.0", ...request });
  },
  "without sessions": ({ ready }, headers, { params, ...request }) => {
    const _meta = {
      [`${PREFIX}protocolVersion`]: "2026-07-28",
      [`${PREFIX}clientCapabilities`]: {},
      [`${PREFIX}clientInfo`]: { name: "wire", version: "1" },
    };
    const name = params?.["name"];
    return post(
      ready.url,
      { jsonrpc: "2.0", ...request, params: { ...params, _meta } },
      {
        ...headers,
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": request.method ?? "",
        ...(typeof name === "string" ? { "mcp-name": name } : {}),
      },
    );
  },
  "with HTTP+SSE": async ({ ready }, headers, request) => {
    const stream = listen(await fetch(ready.sse, { headers }));
    const { data } = await stream.nextEvent();
    const send = (body: object) => post(new URL(data, ready.sse).href, { jsonrpc: "2.0", ...body }, headers);
    const protocolVersion = "2024-11-05";
    const clientInfo = { name: "wire", version: "1" };
    await send({ id: 0, method: "initialize", params: { protocolVersion, capabilities: {}, clientInfo } });
    await stream.next();
    await send({ method: "notifications/initialized" });
    const response = await send(request);
    if (response.status !== 202) return response;
    const answer = await stream.nextEvent();
    await stream.close();
    return new Response(answer.data, { headers: { "content-type": "application/json" } });
  },
};

const INFO = { name: "looker", version: "1" };

type Ways = { ready: Program["ready"]; fetch: (url: string | URL, init?: RequestInit) => Promise<Response> };

/** The SDKs' clients with their credentials; no one has approved them yet. */
const SDK_CLIENTS = {
  "SDK v1 over streamable HTTP": async ({ ready, fetch }: Ways, authProvider: unknown) => {
    const client = new ClientV1(INFO);
    const provider = authProvider as ProviderV1;
    await client.connect(new HttpV1(new URL(ready.url), { authProvider: provider, fetch }));
    return client;
  },
  "SDK v1 over HTTP+SSE": async ({ ready, fetch }: Ways, authProvider: unknown) => {
    const client = new ClientV1(INFO);
    const provider = authProvider as ProviderV1;
    await client.connect(new SseV1(new URL(ready.sse), { authProvider: provider, fetch }));
    return client;
  },
  "SDK v2 of 2025-11-25": (ways: Ways, authProvider: unknown) => connectV2("legacy", ways, authProvider),
  "SDK v2 that chooses": (ways: Ways, authProvider: unknown) => connectV2("auto", ways, authProvider),
};

async function connectV2(mode: "legacy" | "auto", { ready, fetch }: Ways, authProvider: unknown) {
  const client = new ClientV2(INFO, { versionNegotiation: { mode } });
  const provider = authProvider as ProviderV2;
  await client.connect(new HttpV2(new URL(ready.url), { authProvider: provider, fetch }));
  return client;
}

const call = (name: string): Wire => ({ id: 7, method: "tools/call", params: { name, arguments: {} } });

describe("with a table of scopes", () => {
  let folder: Folder;
  let program: Program;
  let client: string;
  beforeAll(async () => {
    folder = await createFolder();
    const scopes = {
      read: { readOnlyHint: true },
      write: { readOnlyHint: false },
      admin: { tools: ["erase_*"] },
    };
    await folder.write("mcp-oauth.config.json", JSON.stringify({ scopes }));
    program = await startProgram([...WORDS, SERVER], { cwd: folder.path });
    client = await registerClient(program.ready.issuer ?? "");
  });
  afterAll(async () => {
    await program?.stop();
    await folder[Symbol.asyncDispose]();
  });

  async function authorize(...ticked: string[]): Promise<Record<string, string>> {
    const issuer = program.ready.issuer ?? "";
    const boxes = Object.fromEntries(ticked.map((scope) => [`scope:${scope}`, "yes"]));
    const location = await approve(issuer, authorizeQuery(client), {
      token: TOKEN,
      decision: "approve",
      ...boxes,
    });
    const response = await redeem(issuer, client, location.searchParams.get("code") ?? "");
    return { authorization: `Bearer ${((await response.json()) as Tokens).access_token}` };
  }

  for (const [dialect, send] of Object.entries(DIALECTS)) {
    test(`S5: ${dialect}, a call within the token's scopes goes through`, async () => {
      const { result } = await readAnswer(await send(program, await authorize("read"), call("look")));
      expect(result?.["content"]).toMatchObject([{ type: "text" }]);
    });

    for (const [name, needed] of [
      ["change", "mcp write"],
      ["erase_all", "mcp admin"],
      ["unknown", "mcp write"],
    ] as const) {
      test(`S5: ${dialect}, a call of ${name} beyond them is 403 and says what is needed, all at once`, async () => {
        const response = await send(program, await authorize("read"), call(name));
        expect(response.status).toBe(403);
        const challenge = response.headers.get("www-authenticate") ?? "";
        expect(challenge).toStartWith('Bearer error="insufficient_scope"');
        expect(challenge).toContain(`scope="${needed}"`);
        expect(challenge).toContain("/.well-known/oauth-protected-resource/");
        expect((await response.json()) as Wire).toMatchObject({ id: 7, result: { isError: true } });
      });
    }

    test(`S5: ${dialect}, a list shows what the token may call, byte for byte as the server wrote it`, async () => {
      const list = async (...ticked: string[]) =>
        await (await send(program, await authorize(...ticked), { id: 8, method: "tools/list" })).text();
      const readable = await list("read");
      expect(readable).toContain(
        '{"name":"look", "inputSchema":{"type":"object","maximum":12345678901234567890}',
      );
      expect(readable).not.toContain('"change"');
      const writable = await list("write");
      expect(writable).toContain('"change"');
      expect(writable).not.toContain('"look"');
      expect(writable).toContain('"nextCursor":"2"');
      expect(await list()).toContain('"tools":[]');
    });
  }

  test("found 1: S5: no second way of writing a call slips by", async () => {
    const headers = await authorize("read");
    const before = await openSession(program.ready.url, headers);
    const counted = await before.call("look");
    const bodies = [
      '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"change"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","name":"change"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","n\\u0061me":"change"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/c\\u0061ll","params":{"n\\u0061me":"ch\\u0061nge"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["change"]}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","NAME":"change"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look\\u0000"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look\\ud800"}}',
      '{"jsonrpc":"2.0","id":1,"method":"Tools/call","params":{"name":"change"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call"}',
      '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"change"}}]',
    ];
    for (const body of bodies) expect((await before.send(body)).status).toBeOneOf([400, 403]);
    const [first, second] = [counted, await before.call("look")].map(({ result }) => {
      return Number.parseInt((result?.["content"] as { text: string }[] | undefined)?.[0]?.text ?? "", 10);
    });
    expect(second).toBe((first ?? 0) + 1);
  });

  test("S5: stepping up with the challenge's scopes makes the call go through", async () => {
    const refused = await DIALECTS["with a session"]!(program, await authorize("read"), call("change"));
    const scope = /scope="([^"]*)"/.exec(refused.headers.get("www-authenticate") ?? "")?.[1] ?? "";
    const union = [...new Set(["mcp", "read", ...scope.split(" ")])].join(" ");
    const issuer = program.ready.issuer ?? "";
    const ticked = { "scope:read": "yes", "scope:write": "yes" };
    const location = await approve(issuer, authorizeQuery(client, { scope: union }), {
      token: TOKEN,
      decision: "approve",
      ...ticked,
    });
    const tokens = (await (
      await redeem(issuer, client, location.searchParams.get("code") ?? "")
    ).json()) as Tokens;
    expect(tokens.scope).toBe("mcp read write");
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    expect((await DIALECTS["with a session"]!(program, headers, call("change"))).status).toBe(200);
  });

  test("S7: a session is not open to another person or app, with any scopes", async () => {
    const session = await openSession(program.ready.url, await authorize("read", "write"));
    const other = await connect(program.ready.issuer ?? "", await registerClient(program.ready.issuer ?? ""));
    const response = await session.send(
      { jsonrpc: "2.0", ...call("look") },
      { authorization: `Bearer ${other.access_token}` },
    );
    expect(response.status).toBe(404);
  });
});

test("S5: with names alone in the table, too, a call with two names is refused", async () => {
  await using folder = await createFolder();
  await folder.write("mcp-oauth.config.json", JSON.stringify({ scopes: { admin: { tools: ["erase_*"] } } }));
  await using program = await startProgram([...WORDS, SERVER], { cwd: folder.path });
  const issuer = program.ready.issuer ?? "";
  const { access_token } = await connect(issuer, await registerClient(issuer));
  const session = await openSession(program.ready.url, { authorization: `Bearer ${access_token}` });
  const names = {
    '"name":"look"': 200,
    '"name":"erase_all"': 403,
    '"name":"look","name":"erase_all"': 400,
    '"name":"look","Name":"erase_all"': 400,
    '"name":"erase_all\\u0000"': 400,
  };
  for (const [name, status] of Object.entries(names)) {
    const response = await session.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${name}}}`);
    expect([name, response.status]).toEqual([name, status]);
  }
});

test("found 7: a name over 1,024 bytes is refused at once, and patterns with several stars delay no one", async () => {
  await using folder = await createFolder();
  const scopes = { read: { tools: ["look", "*_get_*_all", "*a*a*a*a*a*a*b"] } };
  await folder.write("mcp-oauth.config.json", JSON.stringify({ scopes }));
  await using program = await startProgram([...WORDS, SERVER], { cwd: folder.path });
  const issuer = program.ready.issuer ?? "";
  const { access_token } = await connect(issuer, await registerClient(issuer));
  const headers = { authorization: `Bearer ${access_token}` };
  const longest = "a".repeat(1024);
  const sizes: [name: string, status: number][] = [
    [longest, 200],
    [`${longest}a`, 400],
    ["é".repeat(513), 400],
    ["a_get_".repeat(1_000), 400],
  ];
  for (const [dialect, send] of Object.entries(DIALECTS)) {
    const [answers, look] = await Promise.all([
      Promise.all(sizes.map(([name]) => send(program, headers, call(name)))),
      send(program, headers, call("look")),
    ]);
    for (const [index, [name, status]] of sizes.entries())
      expect([dialect, name.length, answers[index]?.status]).toEqual([dialect, name.length, status]);
    expect((await readAnswer(look)).result?.["content"]).toMatchObject([{ type: "text" }]);
    expect(await answers.at(1)?.json()).toMatchObject({ id: 7, error: { code: -32602 } });
  }
});

describe("a token refreshed down to", () => {
  let folder: Folder;
  let program: Program;
  beforeAll(async () => {
    folder = await createFolder();
    await folder.write("mcp-oauth.config.json", JSON.stringify({ scopes: { read: { tools: ["look"] } } }));
    program = await startProgram([...WORDS, SERVER], { cwd: folder.path });
  });
  afterAll(async () => {
    await program?.stop();
    await folder[Symbol.asyncDispose]();
  });

  async function narrow(scope: string) {
    const issuer = program.ready.issuer ?? "";
    const id = await registerClient(issuer);
    const asked = authorizeQuery(id, { scope: "mcp read offline_access" });
    const ticked = { token: TOKEN, decision: "approve", "scope:read": "yes" };
    const code = (await approve(issuer, asked, ticked)).searchParams.get("code") ?? "";
    const whole = (await (await redeem(issuer, id, code)).json()) as Tokens;
    const narrowed = (await (await refresh(issuer, id, whole.refresh_token, { scope })).json()) as Tokens;
    expect(narrowed.scope).toBe(scope);
    const headersOf = ({ access_token }: Tokens) => ({ authorization: `Bearer ${access_token}` });
    return { whole: headersOf(whole), narrowed: headersOf(narrowed) };
  }

  test("found 17: offline_access opens nothing, by any method, and the refusal names the scope it needs", async () => {
    const { whole, narrowed } = await narrow("offline_access");
    const session = await openSession(program.ready.url, whole);
    const answers = [
      await session.send({ jsonrpc: "2.0", ...call("look") }, narrowed),
      await session.send({ jsonrpc: "2.0", ...call("change") }, narrowed),
      await session.send({ jsonrpc: "2.0", id: 1, method: "tools/list" }, narrowed),
      await post(program.ready.url, INITIALIZE, narrowed),
      await DIALECTS["without sessions"]!(program, narrowed, call("look")),
      await fetch(program.ready.sse, { headers: narrowed }),
      await fetch(program.ready.url, {
        method: "DELETE",
        headers: { ...narrowed, "mcp-session-id": session.id },
      }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(403);
      const challenge = answer.headers.get("www-authenticate") ?? "";
      expect(challenge).toStartWith('Bearer error="insufficient_scope"');
      expect(challenge).toContain('scope="mcp"');
      expect(challenge).toContain("resource_metadata=");
    }
    expect((await readAnswer(await session.start("look"))).result).toBeDefined();
  });

  test("found 17: a scope of the table opens its tools and nothing else", async () => {
    const { narrowed } = await narrow("read");
    for (const [dialect, send] of Object.entries(DIALECTS)) {
      const statuses = [
        await send(program, narrowed, call("look")),
        await send(program, narrowed, call("change")),
        await send(program, narrowed, { id: 7, method: "prompts/get", params: { name: "x" } }),
      ].map(({ status }) => status);
      expect([dialect, ...statuses]).toEqual([dialect, 200, 403, 403]);
    }
  });
});

describe("with --auth optional", () => {
  let program: Program;
  beforeAll(async () => {
    program = await startProgram([...WORDS, "--auth", "optional", SERVER]);
  });
  afterAll(async () => void (await program?.stop()));

  for (const [dialect, send] of Object.entries(DIALECTS)) {
    test(`S9: ${dialect}, anyone may list what there is, and each tool says how to sign in`, async () => {
      const response = await send(program, {}, { id: 1, method: "tools/list" });
      const text = await response.text();
      expect(text).toContain('"maximum":12345678901234567890');
      const { tools } = (JSON.parse(text.replace(/^data: /gm, "")) as Wire).result as {
        tools: Record<string, unknown>[];
      };
      const securitySchemes = [{ type: "oauth2", scopes: ["mcp"] }];
      expect(tools).toMatchObject([
        { name: "look", securitySchemes, _meta: { own: 1, securitySchemes } },
        { name: "change", securitySchemes, _meta: { securitySchemes } },
      ]);
    });

    test(`S9: ${dialect}, what the server says of itself stays`, async () => {
      const response = await send(program, {}, { id: 1, method: "tools/list", params: { cursor: "2" } });
      expect(await response.text()).toContain('"securitySchemes":[{"type":"noauth"}]');
    });

    for (const request of [call("look"), { id: 7, method: "prompts/get", params: { name: "x" } }]) {
      test(`S9: ${dialect}, ${request.method} without a token is 401 with the challenge of any first request`, async () => {
        const response = await send(program, {}, request);
        expect(response.status).toBe(401);
        const challenge = response.headers.get("www-authenticate") ?? "";
        expect(challenge).toStartWith('Bearer resource_metadata="http');
        expect(challenge).not.toContain("error");
      });
    }
  }

  for (const [name, connectClient] of Object.entries(SDK_CLIENTS)) {
    test(`S9: ${name} looks around unasked, and its first call leads to the sign-in`, async () => {
      const provider = createMemoryProvider(createLoginRobot({ token: TOKEN }));
      const refused: (string | null)[] = [];
      const ways: Ways = {
        ready: program.ready,
        async fetch(url, init) {
          const response = await fetch(url, init);
          if (response.status === 401) refused.push(response.headers.get("www-authenticate"));
          return response;
        },
      };
      const client = await connectClient(ways, provider);
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toContain("look");
      expect([provider.approvals, refused]).toEqual([0, []]);
      const thrown = await client.callTool({ name: "look", arguments: {} }).catch((error: unknown) => error);
      expect(isUnauthorized(thrown)).toBeTrue();
      expect(provider.approvals).toBe(1);
      expect(refused).toEqual([expect.stringMatching(/^Bearer resource_metadata="http[^"]*", scope="mcp"$/)]);
      await client.close();
    });
  }

  test("S9: of notifications a stranger may send what the handshake needs, and take a request back", async () => {
    const notify = (method: string, params = {}) => ({ jsonrpc: "2.0", method, params });
    const sse = await openSseSession(program.ready.sse);
    const { send } = await openSession(program.ready.url);
    for (const sendOne of [send, sse.send]) {
      const statuses = [
        await sendOne(notify("notifications/initialized")),
        await sendOne(notify("notifications/cancelled", { requestId: 1 })),
        await sendOne(notify("notifications/roots/list_changed")),
        await sendOne(notify("notifications/progress", { progressToken: 1, progress: 1 })),
      ].map(({ status }) => status);
      expect(statuses).toEqual([202, 202, 401, 401]);
    }
    await sse.close();
  });

  test("S9: a refused call carries what makes ChatGPT offer to sign in", async () => {
    const response = await DIALECTS["with a session"]!(program, {}, call("look"));
    const { id, result } = (await response.json()) as Wire;
    expect([id, result?.["isError"]]).toEqual([7, true]);
    const [challenge = ""] =
      (result?.["_meta"] as Record<string, string[]> | undefined)?.["mcp/www_authenticate"] ?? [];
    for (const part of [
      "resource_metadata=",
      'error="insufficient_scope"',
      "error_description=",
      'scope="mcp"',
    ])
      expect(challenge).toContain(part);
  });

  test("S9: a stranger's call is 401 even where no session is open", async () => {
    expect((await post(program.ready.url, { jsonrpc: "2.0", ...call("look") })).status).toBe(401);
  });

  test("S9: an invalid token is 401, also for listing", async () => {
    const headers = { authorization: "Bearer nonsense" };
    const response = await post(program.ready.url, { jsonrpc: "2.0", id: 1, method: "tools/list" }, headers);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain('error="invalid_token"');
  });

  test("S9: a person who signs in can call, in a session of their own", async () => {
    const issuer = program.ready.issuer ?? "";
    const { access_token } = await connect(issuer, await registerClient(issuer));
    const headers = { authorization: `Bearer ${access_token}` };
    expect((await DIALECTS["with a session"]!(program, headers, call("look"))).status).toBe(200);
    // Or in the one that it looked around in, which is its own from then on.
    const stranger = await openSession(program.ready.url);
    expect((await stranger.send({ jsonrpc: "2.0", ...call("look") }, headers)).status).toBe(200);
    expect((await stranger.send({ jsonrpc: "2.0", id: 1, method: "tools/list" })).status).toBe(404);
  });
});

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createToolScopes, type AnnotatedTool } from "../../src/oauth/access/tool-scopes.ts";
import {
  approve,
  authorizeQuery,
  connect,
  type Harness,
  type Json,
  openPage,
  redeem,
  refresh,
  registerClient,
  startServer,
  submitPage,
  TOKEN,
  type Tokens,
} from "./harness.ts";

const SCOPES = {
  read: { readOnlyHint: true, description: "Look at files" },
  write: { readOnlyHint: false, description: "Change <files>" },
  admin: { tools: ["delete_*", "reset"] },
};

let server: Harness;
let client: string;
beforeEach(async () => {
  server = await startServer({ scopes: SCOPES });
  client = await registerClient(server.url);
});
afterEach(() => server.stop());

/** Approves with these boxes ticked. */
async function connectWith(
  ticked: readonly string[],
  overrides: Record<string, string> = {},
): Promise<Tokens> {
  const boxes = Object.fromEntries(ticked.map((scope) => [`scope:${scope}`, "yes"]));
  const location = await approve(server.url, authorizeQuery(client, overrides), {
    token: TOKEN,
    decision: "approve",
    ...boxes,
  });
  const response = await redeem(server.url, client, location.searchParams.get("code") ?? "");
  return (await response.json()) as Tokens;
}

describe("with a table of scopes", () => {
  test("D2, D6: they are asked for, and offline_access still is not", async () => {
    const challenge = (await fetch(`${server.url}/mcp`)).headers.get("www-authenticate");
    expect(challenge).toContain('scope="mcp read write admin"');
    const read = async (path: string) =>
      (await (await fetch(`${server.url}/.well-known/${path}`)).json()) as Json;
    expect((await read("oauth-protected-resource/mcp"))["scopes_supported"]).toEqual([
      "mcp",
      "read",
      "write",
      "admin",
    ]);
    expect((await read("oauth-authorization-server"))["scopes_supported"]).toEqual([
      "mcp",
      "read",
      "write",
      "admin",
      "offline_access",
    ]);
  });

  const asked: [scope: string | undefined, boxes: string[]][] = [
    [undefined, ["read", "write", "admin"]],
    ["mcp read write admin offline_access", ["read", "write", "admin"]],
    ["mcp write unknown", ["write"]],
    ["mcp", []],
  ];
  for (const [scope, boxes] of asked) {
    test(`A11: asked for ${scope ?? "nothing"}, the page has a ticked box for each of ${boxes.join(", ") || "none"}`, async () => {
      const { html } = await openPage(server.url, authorizeQuery(client, { scope }));
      const shown = [
        ...html.matchAll(/<input type="checkbox" name="scope:(\w+)" value="yes" checked=""\/>/g),
      ];
      expect(shown.map(([, name]) => name ?? "")).toEqual(boxes);
      expect(html.includes("Also allow")).toBe(boxes.length > 0);
    });
  }

  test("A11: a scope is called what its description says", async () => {
    const { html } = await openPage(server.url, authorizeQuery(client));
    expect(html).toContain("Look at files");
    expect(html).toContain("Change &lt;files&gt;");
  });

  test("A9: an unticked scope is not granted, and the client learns it", async () => {
    expect((await connectWith(["read"])).scope).toBe("mcp read");
    expect((await connectWith([])).scope).toBe("mcp");
    expect((await connectWith(["read", "write", "admin"])).scope).toBe("mcp read write admin");
    expect(server.events.filter(({ state }) => state === "approved").map(({ scopes }) => scopes)).toEqual([
      ["mcp", "read"],
      ["mcp"],
      ["mcp", "read", "write", "admin"],
    ]);
  });

  test("A9: a box that was not on the page grants nothing, and offline_access needs no box", async () => {
    const tokens = await connectWith(["read", "admin", "mcp", "unknown"], {
      scope: "mcp read offline_access",
    });
    expect(tokens.scope).toBe("mcp read offline_access");
  });

  test("A9: a page shown again after a wrong token keeps what was unticked", async () => {
    const page = await openPage(server.url, authorizeQuery(client));
    const again = await submitPage(server.url, page, {
      token: "wrong",
      decision: "approve",
      "scope:read": "yes",
    });
    const html = await again.text();
    expect(html).toContain('name="scope:read" value="yes" checked=""');
    expect(html).toContain('name="scope:write" value="yes"/>');
  });

  test("T10: a refresh keeps what was granted and gives no more", async () => {
    const { refresh_token } = await connectWith(["read"]);
    const wider = await refresh(server.url, client, refresh_token, { scope: "mcp read write" });
    expect([wider.status, ((await wider.json()) as Json)["error"]]).toEqual([400, "invalid_scope"]);
    expect(((await (await refresh(server.url, client, refresh_token)).json()) as Tokens).scope).toBe(
      "mcp read",
    );
  });

  test("A22: stepping up shows the page again for the union, and gives a token for all of it", async () => {
    await connectWith(["read"]);
    const { html } = await openPage(server.url, authorizeQuery(client, { scope: "mcp read write" }));
    expect(html).toContain("scope:read");
    expect(html).toContain("scope:write");
    expect((await connectWith(["read", "write"], { scope: "mcp read write" })).scope).toBe("mcp read write");
  });

  test("R16: a client that registers for some gets those that exist", async () => {
    const response = await fetch(`${server.url}/register`, {
      method: "POST",
      body: JSON.stringify({ redirect_uris: ["https://a.example/cb"], scope: "write unknown mcp" }),
    });
    expect(((await response.json()) as Json)["scope"]).toBe("mcp write");
  });
});

describe("the table", () => {
  const tools = createToolScopes(SCOPES);
  const tool = (name: string, annotations?: AnnotatedTool["annotations"]): AnnotatedTool => ({
    name,
    annotations,
  });
  const cases: [tool: AnnotatedTool, granted: string[], mayCall: boolean, needed: string][] = [
    [tool("get", { readOnlyHint: true }), ["mcp", "read"], true, "mcp read"],
    [tool("get", { readOnlyHint: true }), ["mcp", "write"], false, "mcp read"],
    [tool("put", { readOnlyHint: false }), ["mcp", "read"], false, "mcp write"],
    [tool("put", { readOnlyHint: "true" }), ["mcp", "read"], false, "mcp write"],
    [tool("put"), ["mcp", "read"], false, "mcp write"],
    [tool("put"), ["mcp", "write"], true, "mcp write"],
    [tool("delete_all", { readOnlyHint: true }), ["mcp", "read", "write"], false, "mcp admin"],
    [tool("delete_all"), ["mcp", "admin"], true, "mcp admin"],
    [tool("undelete_all", { readOnlyHint: true }), ["mcp", "read"], true, "mcp read"],
    [tool("reset"), ["mcp", "write"], false, "mcp admin"],
    [tool("__proto__", { readOnlyHint: true }), ["mcp", "read"], true, "mcp read"],
  ];
  for (const [one, granted, mayCall, needed] of cases) {
    test(`S5: a token for ${granted.join(" ")} ${mayCall ? "may" : "may not"} call ${one.name} ${JSON.stringify(one.annotations ?? {})}`, () => {
      expect(tools.mayCall(granted, one)).toBe(mayCall);
      expect(tools.neededFor(one).join(" ")).toBe(needed);
    });
  }

  test("S5: destructiveHint counts for tools that may write, and its absence means it destroys", () => {
    const { mayCall } = createToolScopes({ destroy: { destructiveHint: true } });
    expect(mayCall(["mcp"], tool("add", { destructiveHint: false }))).toBe(true);
    expect(mayCall(["mcp"], tool("get", { readOnlyHint: true }))).toBe(true);
    expect(mayCall(["mcp"], tool("put", { readOnlyHint: false }))).toBe(false);
    expect(mayCall(["mcp"], tool("put"))).toBe(false);
  });

  test("S5: any of several scopes that open a tool will do, and the first is asked for", () => {
    const { mayCall, neededFor } = createToolScopes({ some: { tools: ["a.b"] }, all: { tools: ["*"] } });
    expect(mayCall(["mcp", "all"], tool("a.b"))).toBe(true);
    expect(mayCall(["mcp", "some"], tool("a.b"))).toBe(true);
    expect(mayCall(["mcp", "some"], tool("axb"))).toBe(false);
    expect(neededFor(tool("a.b"))).toEqual(["mcp", "some"]);
  });

  test("S5: without a table every token may call everything", async () => {
    expect(createToolScopes({}).mayCall(["mcp"], tool("x"))).toBe(true);
    const plain = await startServer();
    expect((await connect(plain.url, await registerClient(plain.url))).scope).toBe("mcp");
    await plain.stop();
  });
});

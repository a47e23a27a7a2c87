import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Config } from "../../src/config/config.ts";
import type { ConfigFile } from "../../src/config/define-config.ts";
import { mergeSettings } from "../../src/config/merge.ts";
import { resolveConfig, resolveStore, type ResolveIO } from "../../src/config/resolve.ts";
import { chooseServer } from "../../src/config/server-spec.ts";
import { findStateFolder } from "../../src/config/state-folder.ts";
import { createFolder } from "../cli/process.ts";

const warnings: string[] = [];
const IO: ResolveIO = {
  platform: "linux",
  env: {},
  home: "/home/me",
  findAuthtoken: async (given) => given,
  askPassword: async (user) => `asked of zygote ${user}`,
  warn: (line) => warnings.push(line),
};

/** Resolves a config file's values: the shortest way to write settings down. */
async function resolve(
  values: ConfigFile,
  more: Partial<ResolveIO> & { user?: string } = {},
): Promise<Config> {
  warnings.length = 0;
  const file = { name: "mcp-oauth.config.ts", folder: "/file", values };
  const flags = more.user === undefined ? [] : [{ key: "user", text: more.user, from: "--user" } as const];
  const settings = mergeSettings({ command: "run", flags, env: {}, cwd: "/here", file });
  const server = { command: "x", args: [], literal: false, shell: false, folder: "/here" };
  return await resolveConfig(settings, server, file, { ...IO, ...more });
}

const knowsToken = { findAuthtoken: async () => "authtoken" };

test("the defaults are those of the documentation", async () => {
  expect(await resolve({})).toEqual({
    server: { command: "x", args: [], literal: false, shell: false, folder: "/here" },
    cwd: "/here",
    env: {},
    port: null,
    host: "127.0.0.1",
    path: "/mcp",
    tunnel: "none",
    auth: "oauth",
    users: [],
    store: "/home/me/.local/state/mcp-expose/state.db",
    accessTtl: 86_400_000,
    refreshTtl: 7_776_000_000,
    allowRedirect: [],
    allowOrigin: [],
    maxBody: 33_554_432,
    denyClient: [],
    scopes: {},
    process: "client",
    childEra: "auto",
    maxChildren: 8,
    json: false,
    quiet: false,
    verbose: false,
  });
});

test("what is watched is the server's own folder, globs from where they are written, or nothing", async () => {
  const watched = async (watch: NonNullable<ConfigFile["watch"]>) => (await resolve({ watch })).watch;
  expect(await watched(true)).toEqual({ ownFolder: true, globs: [] });
  const globs = [{ pattern: "src/**", folder: "/file" }];
  expect(await watched("src/**")).toEqual({ ownFolder: false, globs });
  expect(await watched(["src/**", "true"])).toEqual({ ownFolder: true, globs });
  expect(await watched(false)).toBeUndefined();
  expect(await watched([])).toBeUndefined();
  expect(watched("")).rejects.toThrow('watch in mcp-oauth.config.ts: "" is not a glob');
  expect(watched("!src")).rejects.toThrow('"!src" begins with "!"');
});

describe("the tunnel", () => {
  test("is ngrok when an authtoken is known", async () => {
    expect(await resolve({}, knowsToken)).toMatchObject({ tunnel: "ngrok", ngrokAuthtoken: "authtoken" });
  });
  test("is ngrok when it is asked for, even without an authtoken, so that there is no silent fall back", async () => {
    expect(await resolve({ tunnel: "ngrok" })).toMatchObject({ tunnel: "ngrok" });
    expect(await resolve({ domain: "a.example.com" })).toMatchObject({
      tunnel: "ngrok",
      domain: "a.example.com",
    });
  });
  test("is none when that is asked for; the authtoken is not looked up then", async () => {
    const findAuthtoken = () => Promise.reject(new Error("looked up"));
    expect(await resolve({ tunnel: "none" }, { findAuthtoken })).toMatchObject({ tunnel: "none" });
    expect(await resolve({ publicUrl: "https://a.example" }, { findAuthtoken })).toMatchObject({
      tunnel: "none",
    });
  });
  test("does not go together with a proxy of one's own, nor a domain with no tunnel", () => {
    const publicUrl = "https://a.example";
    expect(resolve({ publicUrl, tunnel: "ngrok" })).rejects.toThrow(
      "publicUrl in mcp-oauth.config.ts and tunnel in",
    );
    expect(resolve({ publicUrl, domain: "b.example" })).rejects.toThrow("do not go together");
    expect(resolve({ tunnel: "none", domain: "b.example" })).rejects.toThrow("do not go together");
  });
  test.each(["cloudflared", "tailscale"] as const)(
    "may be %s, which takes nothing that is ngrok's",
    async (tunnel) => {
      const findAuthtoken = () => Promise.reject(new Error("looked up"));
      expect(await resolve({ tunnel }, { findAuthtoken })).toMatchObject({ tunnel });
      expect(resolve({ tunnel, only: "claude" })).rejects.toThrow("do not go together");
      expect(resolve({ tunnel, domain: "b.example" })).rejects.toThrow("do not go together");
    },
  );
  test("is ngrok with --only, since no other tunnel supports it", async () => {
    expect(await resolve({ only: "claude,chatgpt" })).toMatchObject({
      tunnel: "ngrok",
      only: ["chatgpt", "claude"],
    });
    expect(resolve({ publicUrl: "https://a.example", only: "claude" })).rejects.toThrow("do not go together");
    expect(resolve({ only: "gemini" })).rejects.toThrow('"gemini" is not a list of known values');
  });
});

describe("the public URL", () => {
  test("is an origin; the endpoint's path at its end is taken off", async () => {
    for (const publicUrl of [
      "https://a.example",
      "https://a.example/",
      "https://a.example/mcp",
      "https://a.example/mcp/",
    ])
      expect((await resolve({ publicUrl })).publicUrl).toBe("https://a.example");
    expect((await resolve({ publicUrl: "https://a.example/x", path: "/x" })).publicUrl).toBe(
      "https://a.example",
    );
  });
  test("with another path is refused, since OAuth documents lie at the root", () => {
    expect(resolve({ publicUrl: "https://a.example/x" })).rejects.toThrow(
      "sign-in needs the root of the host",
    );
  });
});

test("auth optional does not go with one process for all", () => {
  expect(resolve({ auth: "optional", process: "shared" })).rejects.toThrow("do not go together");
});

describe("auth none", () => {
  test("has to be confirmed when the URL is public", async () => {
    expect(resolve({ auth: "none" }, knowsToken)).rejects.toThrow("would let everyone on the internet");
    expect(resolve({ auth: "none", publicUrl: "https://a.example" })).rejects.toThrow("would let everyone");
    expect((await resolve({ auth: "none", yesPublic: true }, knowsToken)).auth).toBe("none");
  });
  test("is only warned of on this machine", async () => {
    expect((await resolve({ auth: "none" })).auth).toBe("none");
    expect(warnings.join()).toContain("without signing in");
  });
  test("warns of a token and a client that it ignores", async () => {
    await resolve({ auth: "none", token: "zygote-7-lantern", clientId: "me" });
    expect(warnings).toContain("token in mcp-oauth.config.ts has no effect where no one signs in.");
    expect(warnings).toContain("clientId in mcp-oauth.config.ts has no effect where no one signs in.");
  });
});

test("an address that others can reach is warned of", async () => {
  await resolve({ host: "0.0.0.0" });
  expect(warnings.join()).toContain("host in mcp-oauth.config.ts 0.0.0.0: other machines");
  await resolve({ host: "::1" });
  expect(warnings).toEqual([]);
});

describe("users", () => {
  const ALICE = { name: "alice", passwordHash: "$argon2id$v=19$x" };

  test("of the config file come with their hashes", async () => {
    expect((await resolve({ users: [ALICE] })).users).toEqual([ALICE]);
  });
  test("given by flag stand instead, and only their hash is kept", async () => {
    const { users } = await resolve({ users: [ALICE] }, { user: "bob:hunter22" });
    expect(users.map(({ name }) => name)).toEqual(["bob"]);
    expect(users[0]?.passwordHash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
    expect(await Bun.password.verify("hunter22", users[0]?.passwordHash ?? "")).toBeTrue();
    expect(JSON.stringify(users)).not.toContain("hunter22");
  });
  test("without a password are asked for it, without a warning", async () => {
    const { users } = await resolve({}, { user: "bob" });
    expect(await Bun.password.verify("asked of zygote bob", users[0]?.passwordHash ?? "")).toBeTrue();
    expect(warnings).toEqual([]);
  });
  test("are refused when named twice", () => {
    expect(resolve({ users: [ALICE, ALICE] })).rejects.toThrow('User "alice" is given twice.');
  });
});

test("a client secret needs a client id", async () => {
  expect(resolve({ clientSecret: "s" })).rejects.toThrow("without a client id");
  expect((await resolve({ clientId: "i", clientSecret: "s" })).client).toEqual({ id: "i", secret: "s" });
});

test("quiet and verbose exclude each other", () => {
  expect(resolve({ quiet: true, verbose: true })).rejects.toThrow("do not go together");
});

test("a working folder has to exist", () => {
  expect(resolve({ cwd: "/no/such/folder" })).rejects.toThrow('there is no folder "/no/such/folder"');
});

describe("the server's environment", () => {
  test("comes from files first and then from variables", async () => {
    await using folder = await createFolder();
    const envFile = await folder.write(
      ".env",
      "\uFEFF# comment\r\nexport A='x # y' # z\r\nB=\"two\nlines\"\nC=from file\n\n  D = 1 # one\nE=\n",
    );
    expect((await resolve({ envFile, env: { C: "from config" } })).env).toEqual({
      A: "x # y",
      B: "two\nlines",
      C: "from config",
      D: "1",
      E: "",
    });
  });
  test("refuses lines of a file that are not variables", async () => {
    await using folder = await createFolder();
    for (const [text, line] of [
      ["A=1\nsecret line\n", 2],
      ["A=1\nB='never closed\nC=2\n", 2],
      ["=x\n", 1],
    ] as const) {
      const envFile = await folder.write(".env", text);
      expect(resolve({ envFile })).rejects.toThrow(`line ${line} of "${envFile}" is not NAME=value.`);
    }
  });
  test("refuses a file that is not there", () => {
    expect(resolve({ envFile: "/nowhere/.env" })).rejects.toThrow('there is no file "/nowhere/.env"');
  });
});

test("found 19: the name that strangers read at the approval page makes no secret", async () => {
  const secret = { auth: "oauth", token: "lighthouse-quarry" } as const;
  await resolve(secret);
  expect(warnings).toEqual([]);
  await resolve({ ...secret, name: "Lighthouse Quarry" });
  expect(warnings.join()).toContain("can be guessed");
});

describe("the server", () => {
  const sources = { shell: false, cwd: "/here" };
  const choose = (server: NonNullable<ConfigFile["server"]>, folder = "/file") =>
    chooseServer({ ...sources, file: { name: "f.ts", folder, values: { server } } });

  test("named on the command line stands instead of the config file's", () => {
    const words = { command: "a", args: ["b"], literal: true };
    const file = { name: "f.ts", folder: "/file", values: { server: "c" } };
    expect(chooseServer({ ...sources, named: words, file })).toEqual({
      ...words,
      folder: "/here",
      shell: false,
    });
  });
  test("of the config file starts from its folder", () => {
    expect(choose(["node", "s.js", "-x"])).toEqual({
      command: "node",
      args: ["s.js", "-x"],
      literal: false,
      folder: "/file",
      shell: false,
      isFromFile: true,
    });
    expect(choose("./s.js")).toMatchObject({ command: "./s.js", args: [] });
  });
  test("in one text may be a path with spaces, but not a command with arguments", async () => {
    await using folder = await createFolder();
    await folder.write("my server.js", "");
    expect(choose("my server.js", folder.path)).toMatchObject({ command: "my server.js" });
    expect(() => choose("npx -y thing", folder.path)).toThrow('server in f.ts is "npx -y thing"');
  });
  test("may be missing", () => {
    expect(chooseServer(sources)).toBeUndefined();
  });
});

test("state lives where each platform keeps it", () => {
  const me = { home: "/home/me", env: {} };
  expect(findStateFolder({ ...me, platform: "linux" })).toBe("/home/me/.local/state/mcp-expose");
  expect(findStateFolder({ ...me, platform: "linux", env: { XDG_STATE_HOME: "/s" } })).toBe("/s/mcp-expose");
  expect(findStateFolder({ ...me, platform: "linux", env: { XDG_STATE_HOME: "relative" } })).toBe(
    "/home/me/.local/state/mcp-expose",
  );
  expect(findStateFolder({ ...me, platform: "darwin" })).toBe(
    "/home/me/Library/Application Support/mcp-expose",
  );
  expect(findStateFolder({ platform: "win32", home: "C:\\me", env: { LOCALAPPDATA: "C:\\l" } })).toBe(
    "C:\\l\\mcp-expose",
  );
  expect(resolveStore({}, { ...me, platform: "linux" })).toBe(
    join("/home/me/.local/state/mcp-expose", "state.db"),
  );
});

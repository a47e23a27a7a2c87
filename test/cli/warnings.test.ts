// Warnings before anything starts. There is no such server, so the program ends by itself.
import { describe, expect, test } from "bun:test";
import { createFolder, runProgram } from "./process.ts";

async function warningsOf(args: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const words = ["--tunnel", "none", "--store", "memory", ...args, "./no-such-server.js"];
  const { status, stderr } = await runProgram(words, { env });
  expect([status, stderr]).toEqual([2, expect.stringContaining("no-such-server.js")]);
  return stderr.split("\n").filter((line) => line.startsWith("! "));
}

const SEEN = "on the command line, where every user of this machine can see it";

describe("a secret on the command line", () => {
  test.each([
    [["--token", "zygote-7-lantern"], `--token is ${SEEN}`, "MCP_EXPOSE_TOKEN"],
    [
      ["--client-id", "me", "--client-secret", "zygote-7-lantern"],
      `--client-secret is ${SEEN}`,
      "MCP_EXPOSE_CLIENT_SECRET",
    ],
    [
      ["--introspect-secret=zygote-7-lantern"],
      `--introspect-secret is ${SEEN}`,
      "MCP_EXPOSE_INTROSPECT_SECRET",
    ],
    [["--ngrok-authtoken", "s3cret"], `--ngrok-authtoken is ${SEEN}`, "MCP_EXPOSE_NGROK_AUTHTOKEN"],
    [["--user", "bob:zygote-7-lantern"], `The password of "bob" is ${SEEN}`, "MCP_EXPOSE_PASSWORD"],
    [["--env", "MY_API_KEY=s3cret"], `MY_API_KEY (--env) is ${SEEN}`, "--env-file"],
  ])("%p gives one warning, without the secret, with the alternative", async (args, said, instead) => {
    const warnings = await warningsOf(args);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(said);
    expect(warnings[0]).toContain(instead);
    expect(warnings[0]).not.toContain("s3cret");
  });

  test("a name, a plain setting or a variable gives none", async () => {
    const env = {
      MCP_EXPOSE_TOKEN: "zygote-7-lantern",
      MCP_EXPOSE_ENV: "MY_API_KEY=s3cret",
      MCP_EXPOSE_PASSWORD: "zygote-7-lantern",
    };
    expect(await warningsOf(["--env", "DEBUG=1", "--user", "ann"], env)).toEqual([]);
  });
});

describe("an unknown variable of ours", () => {
  test("is named, with a suggestion", async () => {
    expect(await warningsOf([], { MCP_EXPOSE_PROT: "1", MCP_EXPOSE_SHOE_SIZE: "43" })).toEqual([
      '! The variable "MCP_EXPOSE_PROT" is unknown and has no effect. Did you mean MCP_EXPOSE_PORT?',
      '! The variable "MCP_EXPOSE_SHOE_SIZE" is unknown and has no effect. See mcp-expose --help for the options.',
    ]);
  });

  test("is not reported when it is read somewhere or is empty", async () => {
    const env = {
      MCP_EXPOSE_VERBOSE: "1",
      MCP_EXPOSE_PASSWORD: "p",
      MCP_EXPOSE_NGROK_SERVER: "127.0.0.1:1",
      MCP_EXPOSE_NGROK_CA: "ca.pem",
      MCP_EXPOSE_ALLOW_PRIVATE_FETCH: "1",
      MCP_EXPOSE_AGENT: "",
      MCP_EXPOSE_NO_INSPECT: "1",
      MCP_EXPOSE_NONSENSE: "",
    };
    expect(await warningsOf([], env)).toEqual([]);
  });
});

describe("found 19: a secret that can be guessed", () => {
  const CLIENT = ["--client-id", "me"];
  const WEAK: [name: string, args: string[], env: Record<string, string>][] = [
    ["--token", ["--token", "1"], {}],
    ["--token", ["--token", "password1234"], {}],
    ["--token", ["--token", "aaaaaaaaaaaa"], {}],
    ["--token", ["--token", "mcp-expose-token"], {}],
    ['The password of "alice"', ["--user", "alice:ngrok-token-1"], {}],
    ["MCP_EXPOSE_TOKEN", [], { MCP_EXPOSE_TOKEN: "ChatGPT2026!!" }],
    ["MCP_EXPOSE_TOKEN", [], { MCP_EXPOSE_TOKEN: "foo" }],
    ['The password of "alice"', ["--user", "alice:a"], {}],
    ['The password of "alice"', ["--user", "alice"], { MCP_EXPOSE_PASSWORD: "letmeinletmein" }],
    ["--introspect-secret", ["--introspect-secret", "x"], {}],
    ["--client-secret", [...CLIENT, "--client-secret", "123456789012"], {}],
  ];
  const PUBLIC = [
    ["--tunnel", "cloudflared"],
    ["--tunnel", "ngrok", "--ngrok-authtoken", "2abc"],
    ["--public-url", "https://mcp.example.com"],
  ];

  test.each(WEAK)("as %s: %j %j is refused on the internet, and not shown", async (name, args, env) => {
    for (const reach of PUBLIC) {
      const { status, stderr } = await runProgram([...reach, "--store", "memory", ...args, "./x.js"], {
        env,
      });
      expect(stderr).toStartWith(`mcp-expose: ${name} can be guessed by anyone on the internet: it `);
      expect(stderr).toContain("openssl rand");
      expect(stderr).not.toContain("letmein");
      expect(status).toBe(2);
    }
  });

  test.each(WEAK)("as %s: %j %j is warned of on this machine", async (name, args, env) => {
    for (const reach of [[], ["--public-url", "http://localhost:9999"]]) {
      const words = [...(reach.length > 0 ? reach : ["--tunnel", "none"]), "--store", "memory"];
      const { stderr } = await runProgram([...words, ...args, "./no-such-server.js"], { env });
      expect(stderr).toContain(`! ${name} can be guessed: it `);
      expect(stderr).toContain("no-such-server.js");
    }
  });

  test("in the config file is refused under its name there", async () => {
    await using folder = await createFolder();
    await folder.write("mcp-oauth.config.json", '{ "token": "foo", "publicUrl": "https://a.example" }');
    const { status, stderr } = await runProgram(["./x.js"], { cwd: folder.path });
    expect(stderr).toStartWith("mcp-expose: token in mcp-oauth.config.json can be guessed");
    expect(status).toBe(2);
  });

  test("is warned of by hash-password", async () => {
    const { status, stderr } = await runProgram(["hash-password"], { stdin: "password1234\n" });
    expect(stderr).toStartWith("! This password can be guessed: it is one of the first to be tried.");
    expect(status).toBe(0);
  });

  test("is accepted when it is long and not common", async () => {
    const strong = ["--token", "paste-me-please", "--user", "bob:correct horse battery"];
    const { stderr } = await runProgram(["--public-url", "https://a.example", ...strong, "./no-such.js"]);
    expect(stderr).not.toContain("guessed");
    expect(stderr).toContain("no-such.js");
  });
});

test("a refresh token that runs out before its access token is warned of", async () => {
  const [warning, ...more] = await warningsOf(["--refresh-ttl", "1h"]);
  expect(warning).toContain("--refresh-ttl is shorter than --access-ttl");
  expect(more).toEqual([]);
  expect(await warningsOf(["--refresh-ttl", "1h", "--access-ttl", "1h"])).toEqual([]);
});

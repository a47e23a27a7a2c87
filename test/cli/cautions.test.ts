// What is no mistake but worth a word before anything starts. The server is none, so the program ends by itself.
import { describe, expect, test } from "bun:test";
import { runProgram } from "./process.ts";

async function warningsOf(args: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const words = ["--tunnel", "none", "--store", "memory", ...args, "./no-such-server.js"];
  const { status, stderr } = await runProgram(words, { env });
  expect([status, stderr]).toEqual([2, expect.stringContaining("no-such-server.js")]);
  return stderr.split("\n").filter((line) => line.startsWith("! "));
}

const SEEN = "on the command line, where every user of this machine can see it";

describe("a secret among the words", () => {
  test.each([
    [["--token", "s3cret-token"], `--token is ${SEEN}`, "MCP_EXPOSE_TOKEN"],
    [
      ["--client-id", "me", "--client-secret", "s3cret"],
      `--client-secret is ${SEEN}`,
      "MCP_EXPOSE_CLIENT_SECRET",
    ],
    [["--introspect-secret=s3cret"], `--introspect-secret is ${SEEN}`, "MCP_EXPOSE_INTROSPECT_SECRET"],
    [["--ngrok-authtoken", "s3cret"], `--ngrok-authtoken is ${SEEN}`, "MCP_EXPOSE_NGROK_AUTHTOKEN"],
    [["--user", "bob:s3cret"], `The password of "bob" is ${SEEN}`, "MCP_EXPOSE_PASSWORD"],
    [["--env", "MY_API_KEY=s3cret"], `MY_API_KEY (--env) is ${SEEN}`, "--env-file"],
  ])("%p is warned of, once, without it, and with what to use", async (args, said, instead) => {
    const warnings = await warningsOf(args);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(said);
    expect(warnings[0]).toContain(instead);
    expect(warnings[0]).not.toContain("s3cret");
  });

  test("is no secret where it is a name or a setting, or comes from elsewhere", async () => {
    const env = { MCP_EXPOSE_TOKEN: "s3cret", MCP_EXPOSE_ENV: "MY_API_KEY=s3cret", MCP_EXPOSE_PASSWORD: "p" };
    expect(await warningsOf(["--env", "DEBUG=1", "--user", "ann"], env)).toEqual([]);
  });
});

describe("a variable of ours that nobody reads", () => {
  test("is named, with the one that was meant", async () => {
    expect(await warningsOf([], { MCP_EXPOSE_PROT: "1", MCP_EXPOSE_SHOE_SIZE: "43" })).toEqual([
      '! The variable "MCP_EXPOSE_PROT" is unknown and does nothing. Did you mean MCP_EXPOSE_PORT?',
      '! The variable "MCP_EXPOSE_SHOE_SIZE" is unknown and does nothing. mcp-expose --help lists the options.',
    ]);
  });

  test("is not one that is read somewhere, or empty", async () => {
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

test("a refresh token that runs out before its access token is warned of", async () => {
  const [warning, ...more] = await warningsOf(["--refresh-ttl", "1h"]);
  expect(warning).toContain("--refresh-ttl is shorter than --access-ttl");
  expect(more).toEqual([]);
  expect(await warningsOf(["--refresh-ttl", "1h", "--access-ttl", "1h"])).toEqual([]);
});

// How clients in the field look around before they sign in, and how they come back, each as it was reported or
// measured.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { fixture, INITIALIZE, openSession, post, readAnswer } from "../eras/wire.ts";
import { PEOPLE, pidOf, signIn } from "../isolation/people.ts";
import { startProgram, type Program } from "../program.ts";

let program: Program;
let url: string;
beforeAll(async () => {
  program = await startProgram(["--tunnel", "none", ...PEOPLE, fixture("obedient")]);
  ({ url } = program.ready);
});
afterAll(async () => void (await program.stop()));

const call = (name: string) => ({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } });
const CHALLENGE = /^Bearer .*resource_metadata="http/;

test.each(["GET", "HEAD", "POST", "DELETE"])(
  "Claude, Codex and goose probe with a bare %s: 401, and where to go",
  async (method) => {
    const response = await fetch(url, { method });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toMatch(CHALLENGE);
  },
);

test("whatever a stranger sends, it is sent to sign in, before anything is looked at", async () => {
  for (const body of ["", "{", "[]", "x".repeat(1000), INITIALIZE]) {
    const response = await post(url, body, {
      "mcp-protocol-version": "1999-01-01",
      "content-type": "text/plain",
    });
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([
      401,
      expect.stringMatching(CHALLENGE),
    ]);
  }
});

test("HEAD with a good token is no method of the endpoint", async () => {
  const response = await fetch(url, { method: "HEAD", headers: await signIn(url, "ada") });
  expect(response.status).toBe(405);
});

test("Claude probes the metadata with HEAD", async () => {
  for (const path of [
    "oauth-protected-resource",
    "oauth-protected-resource/mcp",
    "oauth-authorization-server",
  ]) {
    const response = await fetch(new URL(`/.well-known/${path}`, url), { method: "HEAD" });
    expect([path, response.status]).toEqual([path, 200]);
  }
});

test("clients on rmcp say MCP-Protocol-Version: 2024-11-05 throughout discovery", async () => {
  const headers = { "mcp-protocol-version": "2024-11-05" };
  expect((await fetch(url, { headers })).status).toBe(401);
  for (const path of ["oauth-protected-resource", "oauth-authorization-server"])
    expect((await fetch(new URL(`/.well-known/${path}`, url), { headers })).status).toBe(200);
});

test("Claude registers twice, a second apart, and uses either", async () => {
  const registered = await Promise.all([signIn(url, "ada"), signIn(url, "ada")]);
  expect(new Set(registered.map(({ authorization }) => authorization)).size).toBe(2);
  for (const headers of registered) {
    const session = await openSession(url, headers);
    expect((await session.call("cwd")).result).toHaveProperty("cwd");
  }
});

test("Claude connects four times in minutes, each time as somebody else, and finds what it left", async () => {
  const headers = await signIn(url, "bob");
  const pids = new Set<unknown>();
  for (const name of ["claude-ai", "Anthropic", "claude-code", "Anthropic/Toolbox"]) {
    const params = { ...INITIALIZE.params, clientInfo: { name, version: "1.0.0" } };
    const opened = await post(url, { ...INITIALIZE, params }, headers);
    const own = { ...headers, "mcp-session-id": opened.headers.get("mcp-session-id")! };
    await opened.text();
    pids.add(pidOf(await readAnswer(await post(url, call("pid"), own))));
  }
  expect(pids.size).toBe(1);
});

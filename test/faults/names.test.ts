// Names that cannot be resolved, at each step that resolves one.
// ngrok's, in each way it can fail: test/tunnel/ngrok.test.ts; those of clients' documents: test/oauth/client-documents.test.ts.
import { expect, test } from "bun:test";
import { hostname } from "node:os";
import { fixture } from "../eras/wire.ts";
import { runProgram, startProgram } from "../program.ts";

const NOWHERE = "no-such-host.invalid";

test("of the tunnel: the start fails with what cannot be reached, status 1, and no stack", async () => {
  const words = [
    "--tunnel",
    "ngrok",
    "--ngrok-authtoken",
    "2abc_nobodys",
    "--store",
    "memory",
    "--port",
    "0",
  ];
  const env = { MCP_EXPOSE_NGROK_SERVER: `${NOWHERE}:443` };
  const { exitCode, stdout, stderr } = await runProgram([...words, fixture("obedient")], { env });
  expect([exitCode, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(NOWHERE);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test("of a client's metadata document: a page says so, and no one gets in", async () => {
  await using program = await startProgram(["--tunnel", "none", "--store", "memory", fixture("obedient")]);
  const query = new URLSearchParams({
    response_type: "code",
    client_id: `https://${NOWHERE}/client.json`,
    redirect_uri: "http://127.0.0.1:1/callback",
    code_challenge: "x".repeat(43),
    code_challenge_method: "S256",
  });
  const response = await fetch(new URL(`/authorize?${query.toString()}`, program.ready.url), {
    redirect: "manual",
  });
  expect([response.status, response.headers.get("location")]).toEqual([400, null]);
  expect(await response.text()).toContain("cannot be fetched");
});

test.each([[[]], [["--port", "65000"]]])(
  "of the address to listen on: named in the error, status 2 (%p)",
  async (port) => {
    const words = ["--host", NOWHERE, ...port, "--tunnel", "none", fixture("obedient")];
    const { exitCode, stderr } = await runProgram(words);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`"${NOWHERE}" is not an address of this machine.`);
  },
);

test("of the machine itself: a URL that would carry tokens over the network in the clear is refused, status 2", async () => {
  const words = [
    "--host",
    hostname(),
    "--port",
    "0",
    "--tunnel",
    "none",
    "--store",
    "memory",
    fixture("obedient"),
  ];
  const { exitCode, stdout, stderr } = await runProgram(words);
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(`The public URL "http://${hostname()}`);
});

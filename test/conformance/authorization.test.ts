// The official conformance suite's checks of authorization servers, on ours, with a robot for the person.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { createLoginRobot } from "../login-robot.ts";
import { startProgram } from "../program.ts";
import { runSuite } from "./suite.ts";

test("the authorization server does what the suite asks of one", async () => {
  const server = join(import.meta.dir, "servers/everything-legacy.ts");
  await using program = await startProgram(["--tunnel", "none", "--", process.execPath, server]);
  const { issuer, local, credential } = program.ready;
  if (issuer === null || credential?.kind !== "token") throw new Error("no authorization server was started");
  const port = findFreePort();
  const clientId = await register(issuer, `http://127.0.0.1:${port}/callback`);
  const robot = createLoginRobot({ token: credential.token });
  let callback: Promise<Response> | undefined;

  const words = ["--url", issuer, "--client-id", clientId, "--resource", local, "--port", `${port}`];
  const run = await runSuite(["authorization", ...words], (line) => {
    if (line.startsWith(`${issuer}/authorize?`)) callback = robot.approve(line).then((url) => fetch(url));
  });
  await callback;

  const verdicts = [...run.checks.values()].flat().map(({ id, status }) => [id, status]);
  expect(Object.fromEntries(verdicts), run.report).toEqual({
    "authorization-server-metadata": "SUCCESS",
    "authorization-server-metadata-cimd": "SUCCESS",
    "authorization-code-grant": "SUCCESS",
  });
  expect(run.exitCode, run.report).toBe(0);
});

/** RFC 7591, as a public client: where `none` is on offer the suite sends no secret. Resolves with the client's id. */
async function register(issuer: string, redirectUri: string): Promise<string> {
  const response = await fetch(`${issuer}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: "none",
      client_name: "Conformance",
    }),
  });
  return ((await response.json()) as { client_id: string }).client_id;
}

/** The suite wants to be told its port. */
function findFreePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop();
  return listener.port;
}

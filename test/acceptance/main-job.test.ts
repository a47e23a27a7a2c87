// The main job: real servers from npm, exposed by the real command, used by the official SDK's own clients.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Ready } from "../../src/app/app.ts";
import { createFolder, type Folder } from "../cli/process.ts";
import { createLoginRobot } from "../login-robot.ts";
import { startIngress, type Ingress } from "../ngrok-ingress/ingress.ts";
import { BINARY } from "../packaging/artifacts.ts";
import { startProgram } from "../program.ts";
import { SIGN_IN } from "./sdk-clients.ts";
import { until } from "./until.ts";
import { EVERYTHING, filesystem } from "./wrapped-servers.ts";

setDefaultTimeout(60_000);

let folder: Folder;
let ingress: Ingress;
beforeAll(async () => {
  folder = await createFolder();
  ingress = await startIngress();
  await folder.write("greeting.txt", "Hello from a file.");
});
afterAll(async () => {
  await ingress.close();
  await folder[Symbol.asyncDispose]();
});

type Reach = "directly" | "through ngrok";
type Form = "from source" | "compiled";
type Wrapped = "everything" | "filesystem";

/** Every client meets every reach, every form and both servers at least once. */
const ROWS: readonly [Form, Reach, Wrapped, readonly (keyof typeof SIGN_IN)[]][] = [
  ["from source", "directly", "everything", ["SDK v1 over streamable HTTP", "SDK v1 over HTTP+SSE"]],
  ["from source", "directly", "filesystem", ["SDK v2 over streamable HTTP"]],
  ["from source", "through ngrok", "everything", ["SDK v2 over streamable HTTP"]],
  [
    "from source",
    "through ngrok",
    "filesystem",
    ["SDK v1 over HTTP+SSE", "SDK v2, asking for the newest revision first"],
  ],
  ["compiled", "directly", "everything", ["SDK v2 over streamable HTTP"]],
  [
    "compiled",
    "directly",
    "filesystem",
    ["SDK v1 over HTTP+SSE", "SDK v2, asking for the newest revision first"],
  ],
  ["compiled", "through ngrok", "everything", ["SDK v2 over streamable HTTP", "SDK v1 over HTTP+SSE"]],
  ["compiled", "through ngrok", "filesystem", ["SDK v1 over streamable HTTP"]],
];

for (const [form, reach, wrapped, clients] of ROWS) {
  test(`run ${form} and reached ${reach}, server-${wrapped} serves ${clients.join(" and ")}`, async () => {
    const words = ["--access-ttl", "2s", ...wordsFor(reach), ...wordsForServer(wrapped)];
    await using program = await startProgram(words, {
      binary: form === "compiled" ? BINARY : undefined,
      env: { MCP_EXPOSE_NGROK_SERVER: ingress.server, MCP_EXPOSE_NGROK_CA: ingress.caFile },
    });
    const { ready } = program;
    expect(new URL(ready.url).origin === ingress.publicUrl).toBe(reach === "through ngrok");
    await expectChallenge(ready.url, "mcp");
    await expectChallenge(ready.sse, "sse");
    await Promise.all(clients.map((client) => useAs(client, wrapped, ready)));
  });
}

function wordsFor(reach: Reach): string[] {
  return reach === "directly"
    ? ["--tunnel", "none"]
    : ["--tunnel", "ngrok", "--ngrok-authtoken", "2abcDEF_stand-in-authtoken"];
}

function wordsForServer(wrapped: Wrapped): string[] {
  return wrapped === "everything" ? [EVERYTHING] : filesystem(folder.path);
}

/** RFC 9728 §5.1: the refusal says where to find out how to get in. */
async function expectChallenge(url: string, path: string): Promise<void> {
  const refused = await fetch(url);
  expect(refused.status).toBe(401);
  const challenge = refused.headers.get("www-authenticate") ?? "";
  const metadataUrl = /^Bearer resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? "";
  expect(metadataUrl).toEndWith(`/.well-known/oauth-protected-resource/${path}`);
  expect(await (await fetch(metadataUrl)).json()).toMatchObject({
    resource: url,
    authorization_servers: [new URL(url).origin],
  });
}

async function useAs(name: keyof typeof SIGN_IN, wrapped: Wrapped, ready: Ready): Promise<void> {
  if (ready.credential?.kind !== "token") throw new Error("no token to paste was printed");
  const client = await SIGN_IN[name](ready, createLoginRobot({ token: ready.credential.token }));
  const use = async () => {
    if (wrapped === "everything") {
      expect(await client.listTools()).toContain("echo");
      expect(await client.call("echo", { message: `from ${name}` })).toBe(`Echo: from ${name}`);
    } else {
      expect(await client.listTools()).toContain("read_text_file");
      expect(await client.call("read_text_file", { path: `${folder.path}/greeting.txt` })).toBe(
        "Hello from a file.",
      );
    }
  };
  await use();
  const first = client.accessToken();
  await until("the access token has expired", async () => (await call(ready.url, first)).status === 401);
  await use();
  const second = client.accessToken();
  expect(second).not.toBe(first);
  expect((await call(ready.url, second)).status).toBe(400);
  await client.close();
}

/** A message of an unknown session: 400 with a valid token, 401 without. */
function call(url: string, accessToken: string): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${accessToken}`, "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
  });
}

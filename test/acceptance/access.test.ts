// Access, its duration and its end: users, grants, restarts, and no sign-in at all.
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { messageOf } from "../../src/errors.ts";
import { createFolder, type Folder } from "../cli/process.ts";
import { INITIALIZE, post } from "../eras/wire.ts";
import { createLoginRobot, type Typed } from "../login-robot.ts";
import { BINARY } from "../packaging/artifacts.ts";
import { runProgram, startProgram, type Program, type ProgramOptions } from "../program.ts";
import { createMemoryProvider } from "./memory-provider.ts";
import { connectV1, textOf, type ProviderV1 } from "./sdk-clients.ts";
import { until } from "./until.ts";
import { EVERYTHING, filesystem } from "./wrapped-servers.ts";

setDefaultTimeout(60_000);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const TOKEN = { token: "paste-me-to-approve" };
const LOCAL = ["--tunnel", "none"];
const WITH_TOKEN = [...LOCAL, "--token", TOKEN.token];

async function makeFolder(): Promise<Folder> {
  const folder = await createFolder();
  cleanups.push(() => folder[Symbol.asyncDispose]());
  return folder;
}

async function start(words: readonly string[], options?: ProgramOptions): Promise<Program> {
  const program = await startProgram(words, options);
  cleanups.push(program.stop);
  return program;
}

async function connect(program: Program, provider: ProviderV1): Promise<Client> {
  const client = await connectV1(program.ready.url, provider);
  cleanups.push(() => client.close());
  return client;
}

const createProvider = (typed: Typed): ProviderV1 => createMemoryProvider(createLoginRobot(typed));

const echo = async (client: Client, message: string) =>
  textOf(await client.callTool({ name: "echo", arguments: { message } }));

/** The status that a request with the provider's access token gets. */
async function knock(program: Program, provider: ProviderV1): Promise<number> {
  const authorization = `Bearer ${provider.tokens()?.access_token}`;
  const response = await fetch(program.ready.url, { headers: { authorization } });
  await response.body?.cancel();
  return response.status;
}

const [FILES = ""] = filesystem("");
/** A good token and no session. */
const LET_IN = 405;

test("--user name:password: the right password opens, a wrong one does not, and none is printed", async () => {
  const program = await start([...LOCAL, "--user", "alice:correct horse", EVERYTHING]);
  expect(program.ready.credential).toEqual({ kind: "password", users: ["alice"] });
  const wrong = createProvider({ username: "alice", password: "battery staple" });
  const refusal = await connect(program, wrong).catch(messageOf);
  expect(refusal).toContain("User name or password is wrong.");
  const right = createProvider({ username: "alice", password: "correct horse" });
  expect(await echo(await connect(program, right), "hello")).toBe("Echo: hello");
  expect(program.stderr()).toContain("Sign in  as alice");
  expect(program.stderr() + JSON.stringify(program.events)).not.toContain("correct horse");
});

test("found 19: with a user and a token, either opens, the banner names both, and a form with neither is refused", async () => {
  const program = await start([...WITH_TOKEN, "--user", "alice:correct horse", EVERYTHING]);
  expect(program.ready.credential).toEqual({ kind: "password", users: ["alice"], token: TOKEN.token });
  expect(program.stderr()).toContain(`Sign in  as alice\nToken    ${TOKEN.token}`);
  for (const wrong of [{ token: "wrong" }, { username: "alice", password: TOKEN.token }])
    expect(await connect(program, createProvider(wrong)).catch(messageOf)).toContain(
      "password or token is wrong",
    );
  for (const right of [TOKEN, { username: "alice", password: "correct horse" }])
    expect(await echo(await connect(program, createProvider(right)), "hello")).toBe("Echo: hello");
});

test("a password hashed by hash-password and put into the config file opens, in the compiled program too", async () => {
  const folder = await makeFolder();
  const hashed = await runProgram(["hash-password", "bob"], { stdin: "tr0ub4dor&3\n" });
  expect(hashed.exitCode).toBe(0);
  expect(hashed.stdout).toMatch(/^\$argon2id\$\S+\n$/);
  const users = JSON.stringify([{ name: "bob", passwordHash: hashed.stdout.trim() }]);
  const text = `export default { tunnel: "none", users: ${users}, server: ["node", "${EVERYTHING}/dist/index.js"] };`;
  await folder.write("mcp-oauth.config.ts", text);
  const program = await start([], { cwd: folder.path, binary: BINARY });
  const provider = createProvider({ username: "bob", password: "tr0ub4dor&3" });
  expect(await echo(await connect(program, provider), "hello")).toBe("Echo: hello");
});

test("grants list shows who has access, grants revoke takes it away from a running server", async () => {
  const store = `${(await makeFolder()).path}/state.db`;
  const program = await start([...WITH_TOKEN, "--store", store, EVERYTHING]);
  const [stays, goes] = [createProvider(TOKEN), createProvider(TOKEN)];
  await connect(program, stays);
  const client = await connect(program, goes);

  const list = async () => {
    const { stdout } = await runProgram(["grants", "list", "--json", "--store", store]);
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string; clientId: string });
  };
  const grants = await list();
  expect(grants).toMatchObject([
    { subject: "owner", clientName: "Acceptance test", serverName: "server-everything" },
    { subject: "owner", clientName: "Acceptance test", serverName: "server-everything" },
  ]);
  const grant = grants.find(({ clientId }) => clientId === goes.clientInformation()?.client_id);
  const people = await runProgram(["grants", "list", "--store", store]);
  expect(people.stdout).toContain(`${grant?.id.slice(0, 8)}  Acceptance test  owner  server-everything`);

  const revoked = await runProgram(["grants", "revoke", grant?.id ?? "", "--store", store]);
  expect(revoked.exitCode).toBe(0);
  expect(revoked.stdout).toStartWith(`Revoked ${grant?.id}`);
  expect([await knock(program, goes), await knock(program, stays)]).toEqual([401, LET_IN]);
  await program.next((event) => event.event === "grant" && event["state"] === "revoked");
  // Neither the access token nor the refresh token helps: the SDK sends the person to approve again.
  expect(await echo(client, "still here?").catch(messageOf)).toBe("Unauthorized");
  await until("the person was asked again", () => goes.approvals > 1);
  expect((await list()).map(({ id }) => id)).not.toContain(grant?.id);
});

test("after a restart on the same store tokens still work, but not for another wrapped command", async () => {
  const folder = await makeFolder();
  const words = [...WITH_TOKEN, "--store", `${folder.path}/state.db`];
  const provider = createProvider(TOKEN);

  const first = await startProgram([...words, EVERYTHING]);
  const port = Number(new URL(first.ready.url).port);
  const before = await connectV1(first.ready.url, provider);
  await before.close();
  expect(await first.stop()).toBe(0);

  const second = await startProgram([...words, EVERYTHING], { port });
  expect(await knock(second, provider)).toBe(LET_IN);
  const after = await connectV1(second.ready.url, provider);
  expect(await echo(after, "back again")).toBe("Echo: back again");
  provider.saveTokens({ ...provider.tokens()!, access_token: "lost" });
  expect(await echo(after, "refreshed")).toBe("Echo: refreshed");
  expect(provider.tokens()?.access_token).not.toBe("lost");
  expect(provider.approvals).toBe(1);
  await after.close();
  await second.stop();

  const third = await start([...words, ...filesystem(folder.path)], { port });
  expect(await knock(third, provider)).toBe(401);
  await connect(third, provider);
  expect(provider.approvals).toBe(2);
});

test("found 2: grants are for a server in its folder: not for the same words elsewhere, but with other options", async () => {
  const [here, there] = [await makeFolder(), await makeFolder()];
  const config = await here.write("mcp-oauth.config.json", JSON.stringify({ server: ["node", FILES, "."] }));
  const words = [...WITH_TOKEN, "--store", `${here.path}/state.db`];
  const provider = createProvider(TOKEN);
  const first = await startProgram([...words, "--", "node", FILES, "."], { cwd: here.path });
  const port = Number(new URL(first.ready.url).port);
  await (await connectV1(first.ready.url, provider)).close();
  await first.stop();

  const cases: [words: string[], cwd: string, status: number][] = [
    [["--", "node", FILES, "."], there.path, 401],
    [["--cwd", there.path, "--", "node", FILES, "."], here.path, 401],
    [["--", "node", FILES, ".", "/tmp"], here.path, LET_IN],
    [["--env", "MORE=1", FILES, "."], here.path, LET_IN],
    [["--cwd", here.path, FILES, "."], there.path, LET_IN],
    [["--config", config], there.path, LET_IN],
  ];
  for (const [more, cwd, status] of cases) {
    const program = await startProgram([...words, ...more], { cwd, port });
    expect([more, await knock(program, provider)]).toEqual([more, status]);
    await program.stop();
  }
});

test("--auth none lets everyone in, and every OAuth document is a 404", async () => {
  const program = await start([...LOCAL, "--auth", "none", EVERYTHING]);
  const { ready } = program;
  expect([ready.issuer, ready.credential]).toEqual([null, null]);
  const kinds = ["oauth-protected-resource", "oauth-authorization-server", "openid-configuration"];
  const paths = [
    ...kinds.flatMap((kind) => ["", "/mcp", "/sse"].map((end) => `/.well-known/${kind}${end}`)),
    "/mcp/.well-known/openid-configuration",
    "/token/.well-known/openid-configuration",
    "/authorize",
    "/token",
    "/register",
    "/revoke",
    "/introspect",
  ];
  const answers = await Promise.all(
    paths.map(async (path) => [path, (await fetch(new URL(path, ready.url))).status] as const),
  );
  expect(answers.filter(([, status]) => status !== 404)).toEqual([]);
  const provider = createProvider(TOKEN);
  expect(await echo(await connect(program, provider), "anybody")).toBe("Echo: anybody");
  expect(provider.approvals).toBe(0);
});

test("found 23: with --auth none only pages from this machine may call, and with a sign-in no page may without a token", async () => {
  const open = await start([...LOCAL, "--auth", "none", EVERYTHING]);
  const guarded = await start([...WITH_TOKEN, EVERYTHING]);
  const ask = async ({ ready }: Program, origin: string) => {
    const response = await post(ready.url, INITIALIZE, { origin });
    await response.body?.cancel();
    return [response.status, response.headers.get("access-control-allow-origin")];
  };
  for (const origin of ["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:8080"]) {
    expect([origin, ...(await ask(open, origin))]).toEqual([origin, 200, "*"]);
    expect([origin, ...(await ask(guarded, origin))]).toEqual([origin, 401, "*"]);
  }
  for (const origin of ["https://evil.example", "null"])
    expect([origin, (await ask(open, origin))[0]]).toEqual([origin, 403]);
});

test("the wrapped server gets our environment and what --env adds, but none of our own secrets", async () => {
  const program = await start([...LOCAL, "--env", "GREETING=hello", EVERYTHING], {
    env: { NGROK_AUTHTOKEN: "2abcDEF_not-for-the-server", MCP_EXPOSE_TOKEN: TOKEN.token, INHERITED: "yes" },
  });
  const client = await connect(program, createProvider(TOKEN));
  const text = textOf(await client.callTool({ name: "get-env", arguments: {} }));
  expect(JSON.parse(text)).toMatchObject({ GREETING: "hello", INHERITED: "yes" });
  expect(text).not.toMatch(/NGROK_AUTHTOKEN|MCP_EXPOSE_|2abcDEF|paste-me/);
});

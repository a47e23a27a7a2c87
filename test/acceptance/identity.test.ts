// Which server a started program is, as its tokens show: the same one after a change of its arguments, another one in
// another folder; and what of a run goes on after a restart.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { createFolder, type Folder } from "../cli/process.ts";
import { fixture, readAnswer } from "../eras/wire.ts";
import { signIn } from "../faults/sign-in.ts";
import { ALL, createStatelessClient } from "../matrix/stateless-wire.ts";
import { authorizeQuery, openPage, registerClient, submitPage } from "../oauth/harness.ts";
import { type Program, type ProgramOptions, runProgram, startProgram } from "../program.ts";

setDefaultTimeout(60_000);

const TOKEN = { token: "paste-me-to-approve" };
const LET_IN = 405;
const CHANGED = "The command differs from the last run. Who had access still has it: ";
const SERVER = fixture("obedient");

/** A test that fails leaves none of them running. */
const started: Program[] = [];
let [here, there]: Folder[] = [];
let port = 0;
beforeEach(async () => {
  [here, there] = [await createFolder(), await createFolder()];
  port = 0;
});
afterEach(async () => {
  for (const program of started.splice(0)) await program.stop();
  await here?.[Symbol.asyncDispose]();
  await there?.[Symbol.asyncDispose]();
});

const storePath = () => `${here!.path}/state.db`;

interface RestartOptions extends ProgramOptions {
  store?: string;
}

/** Tokens name the URL they are for, so all programs of a test have the same one. */
async function start(words: readonly string[], options: RestartOptions = {}): Promise<Program> {
  const { store = storePath(), ...more } = options;
  const all = ["--tunnel", "none", "--token", TOKEN.token, "--store", store, ...words];
  const program = await startProgram(all, { cwd: here!.path, port, ...more });
  started.push(program);
  port = Number(new URL(program.ready.url).port);
  return program;
}

/** What a run shows to a caller with a token of an earlier one. */
async function visit(
  headers: Record<string, string>,
  words: readonly string[],
  options?: RestartOptions,
): Promise<{ status: number; said: boolean; program: Program }> {
  const program = await start(words, options);
  const response = await fetch(program.ready.url, { headers });
  await response.body?.cancel();
  await program.stop();
  return { status: response.status, said: program.stderr().includes(CHANGED), program };
}

async function approveOnce(words: readonly string[], options?: RestartOptions) {
  const program = await start(words, options);
  const { headers } = await signIn(program.ready.url, TOKEN);
  await program.stop();
  expect(program.stderr()).not.toContain(CHANGED);
  return headers;
}

test("other arguments, another order and another interpreter are the same server, said once for each change", async () => {
  const headers = await approveOnce([SERVER]);
  const bun = process.execPath;
  const runs: [words: string[], said: boolean][] = [
    [[SERVER], false],
    [[SERVER, "--root", "/tmp"], true],
    [[SERVER, "--root", "/tmp"], false],
    [[SERVER, "/tmp", "--root"], true],
    [["--", bun, SERVER, "/tmp", "--root"], true],
    [["--", bun, SERVER, "/tmp", "--root"], false],
  ];
  for (const [words, said] of runs) {
    const outcome = await visit(headers, words);
    expect([words, outcome.status, outcome.said]).toEqual([words, LET_IN, said]);
    const lines = outcome.program.stderr().split(CHANGED);
    expect(lines).toHaveLength(said ? 2 : 1);
    if (said)
      expect(lines[1]).toStartWith(`mcp-expose grants revoke --all --store ${storePath()} ends that.\n`);
  }
});

test("the sentence names no store where it is the usual one, and is not said where nobody has access", async () => {
  const words = (...more: string[]) => ["--tunnel", "none", "--token", TOKEN.token, SERVER, ...more];
  const options = { cwd: here!.path, env: { XDG_STATE_HOME: here!.path } };
  const startUsual = async (all: readonly string[]) => {
    const program = await startProgram(all, options);
    started.push(program);
    return program;
  };
  const first = await startUsual(words());
  await first.stop();
  const second = await startUsual(words("x"));
  await signIn(second.ready.url, TOKEN);
  await second.stop();
  expect(second.stderr()).not.toContain(CHANGED);
  const third = await startUsual(words("y"));
  await third.stop();
  expect(third.stderr()).toContain(`${CHANGED}mcp-expose grants revoke --all ends that.\n`);
  const { exitCode } = await runProgram(["grants", "revoke", "--all"], options);
  expect(exitCode).toBe(0);
  const fourth = await startUsual(words("z"));
  await fourth.stop();
  expect(fourth.stderr()).not.toContain(CHANGED);
});

test("found 2: another folder and another program are other servers, whose tokens are worth nothing here", async () => {
  const headers = await approveOnce([SERVER]);
  const runs: [words: string[], cwd: string, status: number][] = [
    [[SERVER], there!.path, 401],
    [["--cwd", there!.path, SERVER], here!.path, 401],
    [["--cwd", here!.path, SERVER], there!.path, LET_IN],
    [[fixture("versatile")], here!.path, 401],
    [[SERVER], here!.path, LET_IN],
  ];
  for (const [words, cwd, status] of runs) {
    const outcome = await visit(headers, words, { cwd });
    expect([words, cwd, outcome.status, outcome.said]).toEqual([words, cwd, status, false]);
  }
});

test("a server that the config file names belongs to the file's folder, wherever it runs", async () => {
  const config = await here!.write("mcp-oauth.config.json", JSON.stringify({ server: SERVER }));
  const other = await there!.write("mcp-oauth.config.json", JSON.stringify({ server: SERVER }));
  const headers = await approveOnce(["--config", config]);
  const runs: [words: string[], cwd: string, status: number][] = [
    [["--config", config], there!.path, LET_IN],
    [["--config", config, "--cwd", there!.path], here!.path, LET_IN],
    [["--config", other], here!.path, 401],
    [["--config", other, "--cwd", here!.path], here!.path, 401],
  ];
  for (const [words, cwd, status] of runs) {
    const outcome = await visit(headers, words, { cwd });
    expect([words, cwd, outcome.status]).toEqual([words, cwd, status]);
  }
});

test("--name is what people read, and pins the server: the same name in the same store is the same one", async () => {
  const headers = await approveOnce(["--name", "My files", SERVER]);
  const named = await start(["--name", "My files", SERVER]);
  const { origin } = new URL(named.ready.url);
  expect((await openPage(origin, authorizeQuery(await registerClient(origin)))).html).toContain("My files");
  await named.stop();
  const moved = await visit(headers, ["--name", "My files", fixture("versatile")], { cwd: there!.path });
  expect([moved.status, moved.said, moved.program.ready.server]).toEqual([LET_IN, true, "My files"]);
  expect(moved.program.stderr()).toContain("is serving My files on this machine");
  const env = { MCP_EXPOSE_NAME: "My files" };
  expect((await visit(headers, [SERVER], { cwd: there!.path, env })).status).toBe(LET_IN);
  const config = await there!.write("mcp-oauth.config.json", JSON.stringify({ name: "My files" }));
  expect((await visit(headers, ["--config", config, SERVER])).status).toBe(LET_IN);
  expect((await visit(headers, ["--name", "My Files", SERVER])).status).toBe(401);
  expect((await visit(headers, [SERVER])).status).toBe(401);
  const elsewhere = { store: `${there!.path}/state.db` };
  expect((await visit(headers, ["--name", "My files", SERVER], elsewhere)).status).toBe(401);
});

test.each([" ", "a\nb", "a\u001b[31mb", "a\u202eb", "x".repeat(65)])(
  "--name %j is refused in one line with status 2, and nothing is started",
  async (name) => {
    const { exitCode, stderr } = await runProgram(["--tunnel", "none", `--name=${name}`, SERVER]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("is not a name");
    expect(stderr).not.toContain("\u001b[31m");
  },
);

test("--auth none stores nothing, in whatever file", async () => {
  const program = await start(["--auth", "none", "--name", "open", SERVER]);
  await program.stop();
  expect(existsSync(storePath())).toBeFalse();
});

test("--store memory is another server at each start", async () => {
  const options = { store: "memory" };
  const headers = await approveOnce(["--name", "same", SERVER], options);
  expect((await visit(headers, ["--name", "same", SERVER], options)).status).toBe(401);
});

test("a store that cannot be written when a server is new to it fails the start, with its name and status 1", async () => {
  await (await start([SERVER])).stop();
  const db = new Database(storePath());
  db.run("CREATE TRIGGER full BEFORE INSERT ON servers BEGIN SELECT RAISE(ABORT, 'disk is full'); END");
  db.close();
  const words = ["--tunnel", "none", "--token", TOKEN.token, "--store", storePath(), SERVER];
  const { exitCode, stderr } = await runProgram(words, { cwd: there!.path });
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`Cannot use the store "${storePath()}": disk is full.`);
  expect(stderr).toContain("choose another one with --store");
});

test("an approval page that was opened before a restart is good after it, for this server and this store alone", async () => {
  const first = await start([SERVER]);
  const { origin } = new URL(first.ready.url);
  const client = await registerClient(origin);
  const page = await openPage(origin, authorizeQuery(client));
  await first.stop();

  const submitTo = async (words: readonly string[], options?: RestartOptions) => {
    const program = await start(words, options);
    // Other stores do not know the client; the form is looked at first.
    const { status } = await submitPage(origin, page, { token: TOKEN.token, decision: "approve" });
    await program.stop();
    return status;
  };
  const refused = await submitTo([SERVER], { cwd: there!.path });
  expect(refused).toBeWithin(400, 500);
  expect(await submitTo([SERVER], { store: `${there!.path}/state.db` })).toBeWithin(400, 500);
  expect(await submitTo([SERVER, "--more"])).toBe(303);
});

test("a call to be made again once a page was visited goes on after a restart; one that waited in memory is to be sent anew", async () => {
  const server = fixture("versatile");
  const first = await start([server]);
  const { headers } = await signIn(first.ready.url, TOKEN);
  const client = createStatelessClient(first.ready.url, ALL, headers);
  const question = { question: { method: "elicitation/create", params: { message: "Who?" } } };
  const stateOf = async (tool: string, args: object) =>
    String((await client.call(tool, args)).result?.["requestState"]);
  const [toVisit, parked] = [await stateOf("visit", {}), await stateOf("ask_or_fail", question)];
  await first.stop();

  const second = await start([server]);
  const again = createStatelessClient(second.ready.url, ALL, headers);
  const visited = { "elicitation-1": { action: "accept" } };
  const goesOn = await again.call("visit", {}, {}, { requestState: toVisit, inputResponses: visited });
  // The server asks for the page as often as it is called: what matters is that it was called.
  expect(goesOn.result).toMatchObject({ resultType: "input_required" });
  const lost = await again.start("ask_or_fail", question, {}, { requestState: parked, inputResponses: {} });
  expect(await readAnswer(lost)).toMatchObject({
    error: { message: expect.stringContaining("Send the request anew") },
  });
  const forged = `${toVisit.slice(0, -2)}${toVisit.endsWith("AA") ? "BB" : "AA"}`;
  const refused = await again.call("visit", {}, {}, { requestState: forged, inputResponses: visited });
  expect(refused).toMatchObject({ error: { message: expect.stringContaining("Send the request anew") } });
  await second.stop();
});

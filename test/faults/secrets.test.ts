// Everything secret that passes through one run, looked for in everything that others can see of it: what it prints
// at its most talkative, the arguments and environment of its processes, the wrapped server's input, and its files.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixture, INITIALIZE, openSession, post } from "../eras/wire.ts";
import { startIngress, type Ingress } from "../ngrok-ingress/ingress.ts";
import { runProgram, startProgram, type Program } from "../program.ts";
import { HAS_PROC, listDescendants, readSurroundings } from "./machine.ts";
import { refresh, signIn } from "./sign-in.ts";

const GIVEN = {
  authtoken: "2abcDEF_stand-in-authtoken",
  password: "a-password-of-adas",
  clientSecret: "a-secret-of-my-app",
};

let folder: string;
let ingress: Ingress;
let program: Program;
/** By what they are. */
let secrets: Record<string, string>;
let history: string;
let surroundings: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "mcp-expose-secrets-"));
  ingress = await startIngress();
  const words = ["--verbose", "--tunnel", "ngrok", "--store", join(folder, "state.db"), fixture("obedient")];
  const env = {
    MCP_EXPOSE_NGROK_SERVER: ingress.server,
    MCP_EXPOSE_NGROK_CA: ingress.caFile,
    NGROK_AUTHTOKEN: GIVEN.authtoken,
    MCP_EXPOSE_USER: `ada:${GIVEN.password}`,
    MCP_EXPOSE_CLIENT_ID: "my-app",
    MCP_EXPOSE_CLIENT_SECRET: GIVEN.clientSecret,
  };
  program = await startProgram(words, { env });
  const { url } = program.ready;
  const first = await signIn(url, { username: "ada", password: GIVEN.password });
  const second = await refresh(url, first);
  const session = await openSession(url, second.headers);
  await session.call("echo", {});
  history = JSON.stringify(await session.call("history"));
  // A refusal is logged, and must not be logged with the value.
  await post(url, INITIALIZE, { authorization: `Bearer ${first.refresh}` });
  await post(`${new URL(url).origin}/mcp?access_token=${second.access}`, INITIALIZE);
  await signIn(url, { username: "ada", password: `${GIVEN.password}!` }).catch(() => {});
  await refresh(url, first).catch(() => {});
  surroundings = HAS_PROC ? listDescendants(program.pid).map(readSurroundings) : [];
  secrets = {
    ...GIVEN,
    code: first.code,
    verifier: first.verifier,
    "registered client's secret": first.clientSecret ?? "",
    "access token": first.access,
    "renewed access token": second.access,
    "refresh token": first.refresh,
    "renewed refresh token": second.refresh,
  };
}, 60_000);

afterAll(async () => {
  await program?.stop();
  await ingress?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Which of the secrets stand in a text. */
function findIn(text: string): string[] {
  return Object.entries(secrets).flatMap(([what, secret]) => (text.includes(secret) ? [what] : []));
}

test("there are secrets to look for", () => {
  expect(Object.values(secrets).filter((secret) => secret.length < 10)).toEqual([]);
  expect(findIn(secrets["code"]!)).toEqual(["code"]);
});

test("found 25: nothing printed has one, not even the client secret that the person gave", () => {
  expect(findIn(JSON.stringify(program.events))).toEqual([]);
  expect(findIn(program.stderr())).toEqual([]);
});

test.skipIf(!HAS_PROC)("no process of ours has one in its arguments or its environment", () => {
  expect(surroundings.length).toBeGreaterThan(1);
  expect(surroundings.map(findIn)).toEqual(surroundings.map(() => []));
});

test("the wrapped server gets none", () => {
  expect(history).toContain("initialize");
  expect(findIn(history)).toEqual([]);
});

test("no file of the store has one", () => {
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
  expect(files.length).toBeGreaterThan(0);
  expect(files.flatMap(findIn)).toEqual([]);
});

test("a mistake in an option that holds one does not repeat it", async () => {
  for (const words of [
    ["--ngrok-authtokne", GIVEN.authtoken],
    [`--tokn=${GIVEN.password}`],
    ["--user", `ada:${GIVEN.password}`, "--port", "never"],
  ]) {
    const { exitCode, stdout, stderr } = await runProgram([...words, fixture("obedient")]);
    expect(exitCode).toBe(2);
    expect(findIn(stdout + stderr)).toEqual([]);
  }
});

// `mcp-expose grants` on the store of the real program: what it says of who has access, and who loses it by what.
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { fixture } from "../eras/wire.ts";
import {
  approve,
  authorizeQuery,
  callResource,
  errorOf,
  postForm,
  redeem,
  refresh,
  registerClient,
  type Tokens,
  until,
} from "../oauth/harness.ts";
import { type Program, runProgram, startProgram } from "../program.ts";
import { createFolder, type Folder } from "./process.ts";

setDefaultTimeout(60_000);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const TOKEN = "paste-me-to-approve";
const SECRET = "a-secret-of-the-gateway";
const ALICE = ["--user", "alice:correct horse"];
const BOB = ["--user", "bob:battery staple"];
const PASTED = ["--token", TOKEN];

type Typed = Record<string, string>;
const AS_ALICE = { username: "alice", password: "correct horse" };
const AS_BOB = { username: "bob", password: "battery staple" };
const AS_OWNER = { token: TOKEN };

async function makeStore(): Promise<string> {
  const folder: Folder = await createFolder();
  cleanups.push(() => folder[Symbol.asyncDispose]());
  return `${folder.path}/state.db`;
}

/** Under a URL that stays, so that what is granted stays, too. */
async function serve(store: string, words: readonly string[], port?: number): Promise<Program> {
  const all = [
    "--tunnel",
    "none",
    "--store",
    store,
    "--introspect-secret",
    SECRET,
    ...words,
    fixture("obedient"),
  ];
  return startProgram(all, port === undefined ? {} : { port });
}

const portOf = ({ ready }: Program) => Number(new URL(ready.url).port);

async function obtainCode({ ready }: Program, client: string, typed: Typed): Promise<string> {
  const location = await approve(ready.issuer ?? "", authorizeQuery(client), {
    ...typed,
    decision: "approve",
  });
  return location.searchParams.get("code") ?? "";
}

async function connect(program: Program, typed: Typed, name = "Some App") {
  const issuer = program.ready.issuer ?? "";
  const client = await registerClient(issuer, { client_name: name });
  const response = await redeem(issuer, client, await obtainCode(program, client, typed));
  return { client, ...((await response.json()) as Tokens) };
}

type Connected = Awaited<ReturnType<typeof connect>>;

/** The status that the access token gets, whether it is active, and what a refresh is answered with. */
async function knock({ ready }: Program, { client, access_token, refresh_token }: Connected) {
  const issuer = ready.issuer ?? "";
  const called = await callResource(issuer, access_token);
  const asked = await postForm(issuer, "/introspect", {
    client_id: "introspection",
    client_secret: SECRET,
    token: access_token,
  });
  const refreshed = await refresh(issuer, client, refresh_token);
  return [
    called.status === 401 ? "out" : "in",
    ((await asked.json()) as { active: boolean }).active,
    refreshed.ok ? "refreshed" : await errorOf(refreshed),
  ];
}

const IN = ["in", true, "refreshed"];
const OUT = ["out", false, "invalid_grant"];

async function list(store: string, ...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(["grants", "list", "--store", store, ...words]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout;
}

test("found 23: grants revoke ends the named grant, and none for a blank or ambiguous id", async () => {
  const store = await makeStore();
  await using program = await serve(store, PASTED);
  await connect(program, AS_OWNER);
  const ids = async () =>
    (await list(store, "--json"))
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { id: string }).id);
  const revoke = (...words: string[]) => runProgram(["grants", "revoke", ...words, "--store", store]);
  for (const blank of ["", " ", "\t", "\u00a0"]) {
    const { exitCode, stdout, stderr } = await revoke(blank);
    expect({ blank, exitCode, stdout }).toEqual({ blank, exitCode: 2, stdout: "" });
    expect(stderr).toContain("The grant id is empty.");
  }
  expect((await revoke("--all", "")).exitCode).toBe(2);
  expect(await ids()).toHaveLength(1);
  // Of seventeen ids two begin with the same of sixteen digits.
  for (let count = 0; count < 16; count += 1) await connect(program, AS_OWNER);
  const all = await ids();
  const shared =
    "0123456789abcdef".split("").find((digit) => all.filter((id) => id.startsWith(digit)).length > 1) ?? "";
  const refused = await revoke(shared);
  expect([refused.exitCode, refused.stderr]).toEqual([
    2,
    expect.stringContaining(`Several grants begin with "${shared}".`),
  ]);
  expect(await ids()).toHaveLength(17);
  expect((await revoke(all[0]?.slice(0, 12) ?? "")).stdout).toStartWith(`Revoked ${all[0]}`);
  expect(await ids()).toHaveLength(16);
  expect((await revoke("--all")).stdout).toBe("Revoked 16 grants.\n");
});

test("found 23: grants list shows host, place of approval and last use, which distinguish equal names", async () => {
  const store = await makeStore();
  const program = await serve(store, PASTED);
  const issuer = program.ready.issuer ?? "";
  const redirect_uri = "https://app.example/callback";
  const client = await registerClient(issuer, { client_name: "Some App", redirect_uris: [redirect_uri] });
  const location = await approve(issuer, authorizeQuery(client, { redirect_uri }), {
    ...AS_OWNER,
    decision: "approve",
  });
  await redeem(issuer, client, location.searchParams.get("code") ?? "", { redirect_uri });
  const local = await connect(program, AS_OWNER);
  const before = Date.now();
  await callResource(issuer, local.access_token);
  await program.stop();
  const [head = "", ...rows] = (await list(store)).trimEnd().split("\n");
  expect(head.split(/ {2,}/)).toEqual([
    "ID",
    "CLIENT",
    "USER",
    "SERVER",
    "HOST",
    "FROM",
    "SINCE",
    "LAST USE",
  ]);
  for (const row of rows) expect(row.length).toBeLessThan(90);
  const cells = rows.map((row) => row.split(/ {2,}/).slice(1));
  const today = new Date(before).toISOString().slice(0, 10);
  expect(cells).toEqual([
    ["Some App", "owner", "obedient", "app.example", "127.0.0.1", today, "just now"],
    ["Some App", "owner", "obedient", "127.0.0.1:4444", "127.0.0.1", today, "just now"],
  ]);
  const [unused, used] = (await list(store, "--json"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { host: string; source: string; usedAt: number | null });
  expect(unused).toMatchObject({ host: "app.example", source: "127.0.0.1", usedAt: null });
  expect(used?.usedAt).toBeGreaterThanOrEqual(before);
});

test("found 23: an open stream that is checked again and again does not count as a use of its grant", async () => {
  const store = await makeStore();
  const program = await serve(store, PASTED);
  const [idle, other] = [await connect(program, AS_OWNER), await connect(program, AS_OWNER)];
  const stream = await fetch(program.ready.sse, {
    headers: { Authorization: `Bearer ${idle.access_token}`, Accept: "text/event-stream" },
  });
  expect(stream.status).toBe(200);
  const opened = Date.now();
  await until(() => Date.now() > opened);
  // All streams are checked when any access is revoked.
  await postForm(program.ready.issuer ?? "", "/revoke", {
    client_id: other.client,
    token: other.refresh_token,
  });
  await program.next((event) => event.event === "grant" && event.state === "revoked");
  await stream.body?.cancel();
  await program.stop();
  const { usedAt } = JSON.parse(await list(store, "--json")) as { usedAt: number };
  expect(usedAt).toBeLessThanOrEqual(opened);
  expect(usedAt).toBeGreaterThan(0);
});

test("found 4: a user removed from the configuration loses access at the next start, for good, and grants list says why", async () => {
  const store = await makeStore();
  const first = await serve(store, [...ALICE, ...BOB]);
  const port = portOf(first);
  const [alice, bob] = [
    await connect(first, AS_ALICE, "Alice's App"),
    await connect(first, AS_BOB, "Bob's App"),
  ];
  const unused = await obtainCode(first, alice.client, AS_ALICE);
  await first.stop();
  expect(await list(store)).not.toContain("no longer");

  const second = await serve(store, BOB, port);
  expect(await knock(second, bob)).toEqual(IN);
  expect(await knock(second, alice)).toEqual(OUT);
  expect(await errorOf(await redeem(second.ready.issuer ?? "", alice.client, unused))).toBe("invalid_grant");
  const told = await second.next((event) => event.event === "grant" && event.state === "revoked");
  expect(told).toMatchObject({ subject: "alice", clientName: "Alice's App", reason: "unconfigured" });
  await until(() => second.stderr().includes('"alice" is no longer configured'));
  const [living = "", ended = ""] = (await list(store)).split("\n\n");
  expect(living).toContain("Bob's App");
  expect(living).not.toContain("Alice's App");
  expect(ended).toMatch(/Alice's App {2}ended \d{4}-\d\d-\d\d \d\d:\d\d: alice is no longer configured/);
  const records = (await list(store, "--json")).trim().split("\n");
  expect(records.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { state: "active", subject: "bob", clientName: "Bob's App" },
    {
      state: "ended",
      subject: "alice",
      clientName: "Alice's App",
      reason: "alice is no longer configured",
    },
  ]);
  await second.stop();

  // A later user of that name has no access by the earlier approvals.
  const third = await serve(store, [...ALICE, ...BOB], port);
  expect(await knock(third, alice)).toEqual(OUT);
  expect(await errorOf(await redeem(third.ready.issuer ?? "", alice.client, unused))).toBe("invalid_grant");
  expect(await knock(third, await connect(third, AS_ALICE))).toEqual(IN);
  await third.stop();
});

test("found 4: a change from users to a token, or back, ends the grants of the other", async () => {
  const store = await makeStore();
  const first = await serve(store, ALICE);
  const port = portOf(first);
  const alice = await connect(first, AS_ALICE);
  await first.stop();

  const second = await serve(store, PASTED, port);
  expect(await knock(second, alice)).toEqual(OUT);
  const owner = await connect(second, AS_OWNER);
  await second.stop();
  expect(await list(store)).toContain("alice is no longer configured");

  // Another token than before: its owner still runs the server, and keeps access.
  const third = await serve(store, ["--token", "another-token-to-paste"], port);
  expect(await knock(third, owner)).toEqual(IN);
  await third.stop();

  const fourth = await serve(store, ALICE, port);
  expect([await knock(fourth, owner), await knock(fourth, alice)]).toEqual([OUT, OUT]);
  await fourth.stop();
  expect(await list(store)).toContain("the token no longer signs anyone in");
});

test("found 4: a run under another URL, and a changed password, end no one's access", async () => {
  const store = await makeStore();
  const first = await serve(store, ALICE);
  const port = portOf(first);
  const alice = await connect(first, AS_ALICE);
  const aside = await serve(store, PASTED);
  expect(await knock(first, alice)).toEqual(IN);
  await aside.stop();
  await first.stop();
  expect(await list(store)).not.toContain("no longer");
  const later = await serve(store, ["--user", "alice:another horse"], port);
  expect((await callResource(later.ready.issuer ?? "", alice.access_token)).status).not.toBe(401);
  await later.stop();
});

test("found 4: a start that fails ends no one's access, under any configuration", async () => {
  const store = await makeStore();
  const [server, broken] = [`${store}.ts`, `${store}.broken`];
  const lines = [
    'import { existsSync } from "node:fs";',
    `if (existsSync(${JSON.stringify(broken)})) process.exit(3);`,
    `await import(${JSON.stringify(fixture("obedient"))});`,
  ];
  writeFileSync(server, lines.join("\n"));
  const words = ["--tunnel", "none", "--store", store, "--introspect-secret", SECRET];
  const first = await startProgram([...words, ...ALICE, server]);
  const port = portOf(first);
  const alice = await connect(first, AS_ALICE);
  await first.stop();
  writeFileSync(broken, "");
  const failed = await runProgram([...words, ...BOB, "--port", String(port), server]);
  expect(failed.exitCode).toBe(1);
  rmSync(broken);
  expect(await list(store)).not.toContain("no longer");
  const later = await startProgram([...words, ...ALICE, server], { port });
  expect(await knock(later, alice)).toEqual(IN);
  await later.stop();
});

test("found 4: no user can be called owner, the name for approvals with the token", async () => {
  const store = await makeStore();
  const refused = await runProgram(["--user", "owner:correct horse", "--store", store, "--", "cat"]);
  expect([refused.exitCode, refused.stderr]).toEqual([
    2,
    expect.stringContaining('"owner" cannot be a user'),
  ]);
});

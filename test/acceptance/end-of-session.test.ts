// What ends a session for good, and what does not, on the running program: DELETE and the revocation of its grant do, also
// over a restart; tokens, processes, the disk and the program may come and go.
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  expose,
  fixture,
  listen,
  openSession,
  openSseSession,
  post,
  until,
  type Headers,
} from "../eras/wire.ts";
import {
  connect,
  postForm,
  redeem,
  registerClient,
  obtainCode,
  TOKEN,
  type Tokens,
} from "../oauth/harness.ts";
import { runProgram, startProgram, type Program } from "../program.ts";

setDefaultTimeout(60_000);

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };

let folder: string;
let where: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-expose-end-"));
  where = join(folder, "state.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

const start = (port = 0, store = where) =>
  startProgram(["--tunnel", "none", "--token", TOKEN, "--store", store, fixture("obedient")], {
    port,
    faulty: true,
  });
async function restart(program: Program): Promise<Program> {
  await program.stop();
  return start(Number(new URL(program.ready.url).port));
}

const bearer = ({ access_token }: Tokens): Headers => ({ authorization: `Bearer ${access_token}` });
const issuerOf = ({ ready }: Program) => ready.issuer ?? "";
const statusOf = async ({ ready }: Program, id: string, who: Headers = {}) =>
  (await post(ready.url, PING, { ...who, "mcp-session-id": id })).status;

test("DELETE ends it, also for the program that is started next; that program ends one it has not seen", async () => {
  await using before = await start();
  const who = bearer(await connect(issuerOf(before), await registerClient(issuerOf(before))));
  const [deleted, kept] = [
    await openSession(before.ready.url, who),
    await openSession(before.ready.url, who),
  ];
  expect((await deleted.end()).status).toBe(200);
  await using after = await restart(before);
  expect(await statusOf(after, deleted.id, who)).toBe(404);
  expect((await kept.end()).status).toBe(200);
  await using last = await restart(after);
  expect(await statusOf(last, kept.id, who)).toBe(404);
});

describe("a grant that is revoked ends its sessions, and the same person with the same client finds none", () => {
  /** How, and whether that is done while the program runs. */
  const WAYS: Record<string, (program: Program, client: string, tokens: Tokens) => Promise<unknown>> = {
    "at /revoke": (program, client_id, { refresh_token: token }) =>
      postForm(issuerOf(program), "/revoke", { client_id, token }),
    "with grants revoke, in another process": () =>
      runProgram(["grants", "revoke", "--all", "--store", where]),
    "since a code was used twice": async () => {},
  };

  test.each(Object.keys(WAYS))("%s", async (way) => {
    await using program = await start();
    const issuer = issuerOf(program);
    const client = await registerClient(issuer);
    const code = await obtainCode(issuer, client);
    const tokens = (await (await redeem(issuer, client, code)).json()) as Tokens;
    const session = await openSession(program.ready.url, bearer(tokens));
    const stream = listen(await session.listen());
    await WAYS[way]!(program, client, tokens);
    if (way.includes("code")) await redeem(issuer, client, code);
    await stream.ended();
    const anew = bearer(await connect(issuer, client));
    await until("it is gone", async () => (await statusOf(program, session.id, anew)) === 404);
    await using after = await restart(program);
    expect(await statusOf(after, session.id, anew)).toBe(404);
  });

  test("while the program is stopped", async () => {
    await using before = await start();
    const client = await registerClient(issuerOf(before));
    const who = bearer(await connect(issuerOf(before), client));
    const { id } = await openSession(before.ready.url, who);
    await before.stop();
    expect((await runProgram(["grants", "revoke", "--all", "--store", where])).exitCode).toBe(0);
    await using after = await start(Number(new URL(before.ready.url).port));
    const anew = bearer(await connect(issuerOf(after), client));
    expect(await statusOf(after, id, anew)).toBe(404);
  });
});

test("under a new grant of the same person and client it goes on, and ends with that one", async () => {
  await using program = await start();
  const issuer = issuerOf(program);
  const client = await registerClient(issuer);
  const [first, second] = [await connect(issuer, client), await connect(issuer, client)];
  const session = await openSession(program.ready.url, bearer(first));
  expect(await statusOf(program, session.id, bearer(second))).toBe(200);
  const revoke = (token: string) => postForm(issuer, "/revoke", { client_id: client, token });
  await revoke(first.refresh_token);
  await until("it is revoked", async () => (await statusOf(program, session.id, bearer(first))) === 401);
  await using after = await restart(program);
  expect(await statusOf(after, session.id, bearer(second))).toBe(200);
  await revoke(second.refresh_token);
  const third = bearer(await connect(issuer, client));
  await until("it is gone", async () => (await statusOf(after, session.id, third)) === 404);
});

test("another person's, and another client's, it is not, after a restart either", async () => {
  await using before = await start();
  const issuer = issuerOf(before);
  const [hers, others] = [
    bearer(await connect(issuer, await registerClient(issuer))),
    bearer(await connect(issuer, await registerClient(issuer))),
  ];
  const { id } = await openSession(before.ready.url, hers);
  await using after = await restart(before);
  expect(await statusOf(after, id, others)).toBe(404);
  expect(await statusOf(after, id, hers)).toBe(200);
});

test("where no one signs in, and with --store memory, it lasts as long as the program", async () => {
  const open = await expose("obedient");
  const { id } = await openSession(open.ready.url);
  expect(await statusOf(open, id)).toBe(200);
  await open.stop();
  await using again = await expose("obedient");
  expect(await statusOf(again, id)).toBe(404);
  await using forgetful = await start(0, "memory");
  const issuer = issuerOf(forgetful);
  const who = bearer(await connect(issuer, await registerClient(issuer)));
  expect(await statusOf(forgetful, (await openSession(forgetful.ready.url, who)).id, who)).toBe(200);
});

test.skipIf(process.platform !== "linux")(
  "a disk that is full when it begins ends nothing: one warning, and it is kept when there is room",
  async () => {
    await using before = await start();
    const { url } = before.ready;
    const who = bearer(await connect(issuerOf(before), await registerClient(issuerOf(before))));
    limitFiles(before, "4096");
    const sessions = [await openSession(url, who), await openSession(url, who)];
    await until("it is said", () => before.stderr().includes("Sessions cannot be kept"));
    for (const { id } of sessions) expect(await statusOf(before, id, who)).toBe(200);
    limitFiles(before, "unlimited");
    await until("it is kept", () => before.stderr().includes("Sessions are kept again."));
    expect(before.stderr().match(/Sessions cannot be kept/g)).toHaveLength(1);
    await using after = await restart(before);
    for (const { id } of sessions) expect(await statusOf(after, id, who)).toBe(200);
  },
);

/** To a process that may write no more of a file than this, the disk is full. */
function limitFiles({ pid }: Program, bytes: string): void {
  const { exitCode } = Bun.spawnSync(["prlimit", "--pid", String(pid), `--fsize=${bytes}:unlimited`]);
  if (exitCode !== 0) throw new Error("prlimit failed");
}

test("of HTTP+SSE it lives on its stream, over the end of its process", async () => {
  await using program = await expose("obedient", ["--max-children", "1"]);
  const { url, sse } = program.ready;
  const stream = await openSseSession(sse);
  const call = (id: number) => ({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "pid" } });
  const pids = new Set<unknown>();
  for (let round = 1; round <= 3; round++) {
    await stream.send(call(round));
    const { id, result } = await stream.next();
    expect(id).toBe(round);
    pids.add(result?.["pid"]);
    // Its process makes room for another one's.
    expect((await (await openSession(url)).call("pid")).result).toBeDefined();
  }
  expect(pids.size).toBe(3);
  await stream.close();
});

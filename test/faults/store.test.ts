// The store's file, in trouble while the program runs. Trouble at the start: test/store/sqlite.test.ts.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixture, INITIALIZE, openSession, post, until } from "../eras/wire.ts";
import { startProgram, type Program } from "../program.ts";
import { refresh, register, signIn } from "./sign-in.ts";

const WHO = { token: "paste-me-please" };
let folder: string;
let where: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-expose-store-"));
  where = join(folder, "state.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

const start = () =>
  startProgram(["--tunnel", "none", "--token", WHO.token, "--store", where, fixture("obedient")], {
    faulty: true,
  });

const isHealthy = async ({ ready }: Program) => (await fetch(new URL("/healthz", ready.url))).ok;

test("deleted: clients with access keep it, new ones get in, and after a restart all have to connect again", async () => {
  await using program = await start();
  const { url } = program.ready;
  const before = await signIn(url, WHO);
  rmSync(where);
  rmSync(`${where}-wal`, { force: true });
  rmSync(`${where}-shm`, { force: true });
  expect((await (await openSession(url, before.headers)).call("cwd")).result).toBeDefined();
  const later = await signIn(url, WHO);
  expect((await post(url, INITIALIZE, later.headers)).status).toBe(200);
  await program.stop();
  await using again = await start();
  expect((await post(again.ready.url, INITIALIZE, later.headers)).status).toBe(401);
  expect((await signIn(again.ready.url, WHO)).access).toBeString();
});

test("overwritten with garbage: no one gets in without access, the program stays up and reports the error", async () => {
  await using program = await start();
  const { url } = program.ready;
  const { origin } = new URL(url);
  const { access } = await signIn(url, WHO);
  const { size } = statSync(where);
  writeFileSync(where, Buffer.alloc(size, 0xff));
  writeFileSync(`${where}-wal`, Buffer.alloc(4096, 0xff));
  for (const token of [`${access}x`, "made-up"])
    expect((await post(url, INITIALIZE, { authorization: `Bearer ${token}` })).status).not.toBe(200);
  for (let count = 0; count < 3; count++) await (await register(origin)).text();
  expect(await isHealthy(program)).toBeTrue();
});

test.skipIf(process.platform !== "linux")(
  "without room on the disk: who has access keeps it, what has to be written is refused, and works once there is room",
  async () => {
    await using program = await start();
    const { url } = program.ready;
    const { origin } = new URL(url);
    const signedIn = await signIn(url, WHO);
    limitFiles(program, "4096");
    const refused = await register(origin);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect((await (await openSession(url, signedIn.headers)).call("cwd")).result).toBeDefined();
    await until("the reason is in the log", () =>
      program.stderr().includes("The store failed (addClient): "),
    );
    expect(await isHealthy(program)).toBeTrue();
    limitFiles(program, "unlimited");
    expect((await refresh(url, signedIn)).access).toBeString();
    expect((await register(origin)).status).toBe(201);
  },
);

/** To a process that may write no more of a file than this, the disk is full. */
function limitFiles({ pid }: Program, bytes: string): void {
  const { exitCode } = Bun.spawnSync(["prlimit", "--pid", String(pid), `--fsize=${bytes}:unlimited`]);
  if (exitCode !== 0) throw new Error("prlimit failed");
}

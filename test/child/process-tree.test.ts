// Nothing of the wrapped server outlives us, and it gets the time to end by itself.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expose, isAlive, openSession, openSseSession, until, type WireSession } from "../eras/wire.ts";

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "mcp-expose-tree-"))));
afterAll(() => rmSync(folder, { recursive: true }));

const OWN: string[] = [];

/** The stubborn server's process and the one it has started. */
async function startTree(url: string): Promise<{ session: WireSession; pids: number[] }> {
  const session = await openSession(url);
  const pids = (await session.call("pids")).result?.["pids"] as number[];
  expect(pids.map(isAlive)).toEqual([true, true]);
  return { session, pids };
}

const allGone = (pids: readonly number[]) =>
  until(`processes ${pids.join(", ")} to be gone`, () => !pids.some(isAlive));

test("SIGTERM ends it all, even what ignores everything, within a few seconds", async () => {
  await using program = await expose("ignores-stdin-end-and-sigterm");
  const { pids } = await startTree(program.ready.url);
  const started = performance.now();
  expect(await program.stop()).toBe(0);
  expect(performance.now() - started).toBeLessThan(10_000);
  await allGone(pids);
});

test("SIGKILL of our own process leaves nothing behind", async () => {
  const program = await expose("ignores-stdin-end-and-sigterm");
  const { pids } = await startTree(program.ready.url);
  process.kill(program.pid, "SIGKILL");
  await allGone(pids);
  await program.exited;
});

test("DELETE ends the session's server, when it has one of its own", async () => {
  await using program = await expose("ignores-stdin-end-and-sigterm", OWN);
  const [one, other] = [await startTree(program.ready.url), await startTree(program.ready.url)];
  await one.session.end();
  await allGone(one.pids);
  expect(other.pids.map(isAlive)).toEqual([true, true]);
});

test("the end of an HTTP+SSE stream ends the session's server, when it has one of its own", async () => {
  await using program = await expose("obedient", OWN);
  const session = await openSseSession(program.ready.sse);
  await session.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "pid" } });
  const pid = (await session.next()).result?.["pid"] as number;
  expect(isAlive(pid)).toBeTrue();
  await session.close();
  await allGone([pid]);
});

test("what a crashed server leaves behind goes with it", async () => {
  await using program = await expose("ignores-stdin-end-and-sigterm");
  const { pids } = await startTree(program.ready.url);
  process.kill(pids[0]!, "SIGKILL");
  await allGone(pids);
});

test("a server that has something to put away when its stdin ends gets the time, at SIGTERM too", async () => {
  const file = join(folder, "at-sigterm");
  await using program = await expose("slow-to-save", ["--env", `SAVE_TO=${file}`]);
  await openSession(program.ready.url);
  await program.stop();
  expect(await Bun.file(file).exists()).toBeTrue();
});

test("and at DELETE", async () => {
  const file = join(folder, "at-delete");
  await using program = await expose("slow-to-save", [...OWN, "--env", `SAVE_TO=${file}`]);
  await (await openSession(program.ready.url)).end();
  await until("the file", () => Bun.file(file).exists());
});

test("and when it was only started and nobody came", async () => {
  const file = join(folder, "unused");
  await using program = await expose("slow-to-save", ["--env", `SAVE_TO=${file}`]);
  await program.stop();
  expect(await Bun.file(file).exists()).toBeTrue();
});

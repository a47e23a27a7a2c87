// Signals to our own process. SIGTERM and SIGKILL: test/child/process-tree.test.ts; Ctrl+C: test/acceptance/run.test.ts.
import { expect, test } from "bun:test";
import { expose, isAlive, listen, openSession, until } from "../eras/wire.ts";

test("SIGHUP, as when the terminal is closed: status 0, and nothing is left running", async () => {
  await using program = await expose("ignores-stdin-end-and-sigterm");
  const session = await openSession(program.ready.url);
  const pids = (await session.call("pids")).result?.["pids"] as number[];
  process.kill(program.pid, "SIGHUP");
  expect(await program.exited).toBe(0);
  await until("all are gone", () => !pids.some(isAlive));
});

test("suspended and resumed: requests sent meanwhile are answered, and calls and streams go on", async () => {
  await using program = await expose("obedient");
  const session = await openSession(program.ready.url);
  const stream = listen(await session.listen());
  const held = listen(await session.start("hold", { key: "asleep" }));
  await held.next();
  process.kill(program.pid, "SIGSTOP");
  const sent = session.call("release", { key: "asleep" });
  await until("it sleeps", () => stateOf(program.pid).startsWith("T"));
  process.kill(program.pid, "SIGCONT");
  expect((await sent).result).toEqual({});
  expect(await held.next()).toMatchObject({ result: { released: "asleep" } });
  await session.call("list_changed");
  expect(await stream.next()).toMatchObject({ method: "notifications/tools/list_changed" });
  await Promise.all([held.close(), stream.close()]);
});

function stateOf(pid: number): string {
  return Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)])
    .stdout.toString()
    .trim();
}

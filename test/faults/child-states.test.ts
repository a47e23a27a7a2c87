// The wrapped server, killed (-9) at every moment of its life, and what becomes of its clients.
// A crash of its own making, in a call and in a loop: test/bridge/crash.test.ts.
import { describe, expect, test } from "bun:test";
import { expose, INITIALIZE, isAlive, openSession, post, readAnswer, until } from "../eras/wire.ts";
import { runProgram, type Program } from "../program.ts";

const pidsOf = (program: Program, state = "started") =>
  program.events.flatMap((event) =>
    event.event === "child" && event.state === state && event.pid !== undefined ? [event.pid] : [],
  );
/** Kills the process that was started as the `count`th, as soon as that has been reported. */
async function killStarted(program: Program, count: number): Promise<number> {
  await until(`start number ${count}`, () => pidsOf(program).length >= count);
  const pid = pidsOf(program)[count - 1]!;
  process.kill(pid, "SIGKILL");
  return pid;
}

describe("a server killed", () => {
  test("before it has answered anything: status 1 and the signal by its name", async () => {
    const server = ["--shell", "kill -9 $$"];
    const { exitCode, stderr } = await runProgram(["--auth=none", "--tunnel=none", "--port=0", ...server]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("was ended by SIGKILL before it answered");
  });

  test("before a client has connected: the first client gets a new one", async () => {
    await using program = await expose("obedient");
    const first = await killStarted(program, 1);
    await until("it is gone", () => !isAlive(first));
    const session = await openSession(program.ready.url);
    expect((await session.call("pid")).result?.["pid"]).not.toBe(first);
  });

  test("during initialize: initialize is answered with an error, and the next one succeeds", async () => {
    await using program = await expose("hangs-at-initialize");
    const opening = post(program.ready.url, INITIALIZE);
    await until("initialize is there", () => program.stderr().includes("Got initialize"));
    await killStarted(program, 1);
    const { error } = await readAnswer(await opening);
    expect([error?.code, error?.message]).toEqual([-32603, expect.stringContaining("SIGKILL")]);
    expect(await program.stop()).toBe(0);
  });

  test("in a call: the call is answered with an error at once, and the session goes on", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    const held = await session.start("hold", { key: "lost" });
    await killStarted(program, 1);
    const { error } = await readAnswer(held);
    expect([error?.code, error?.message]).toEqual([-32603, expect.stringContaining("was ended by SIGKILL")]);
    expect((await session.call("cwd")).result).toBeDefined();
  });

  test("while its session is idle: the next call is answered by a new one, which is started for it", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    const { result } = await session.call("pid");
    expect(await killStarted(program, 1)).toBe(Number(result?.["pid"]));
    await until("its end is reported", () => pidsOf(program, "exited").length === 1);
    expect(pidsOf(program)).toHaveLength(1);
    expect((await session.call("pid")).result?.["pid"]).toBe(pidsOf(program)[1]);
  });

  test("again during its restart: waiting calls are answered, by the third process", async () => {
    await using program = await expose("obedient");
    const session = await openSession(program.ready.url);
    const held = await session.start("hold", { key: "lost" });
    await killStarted(program, 1);
    expect((await readAnswer(held)).error?.message).toContain("SIGKILL");
    const second = await killStarted(program, 2);
    const answers = await Promise.all([1, 2, 3].map((id) => session.call("echo", { id }, id)));
    // Those the second one got are lost and say so; what came later is served.
    for (const { result, error } of answers) expect(result ?? error?.message).toBeTruthy();
    expect((await session.call("pid")).result?.["pid"]).not.toBe(second);
  });
});

test("a server that is suspended is waited for, others are served, and it may resume", async () => {
  await using program = await expose("obedient");
  const [hung, other] = [await openSession(program.ready.url), await openSession(program.ready.url)];
  const pid = Number((await hung.call("pid")).result?.["pid"]);
  process.kill(pid, "SIGSTOP");
  const waiting = hung.call("echo", {}, 1);
  expect((await other.call("cwd")).result).toBeDefined();
  expect((await fetch(new URL("/healthz", program.ready.url))).status).toBe(200);
  process.kill(pid, "SIGCONT");
  expect((await waiting).result).toBeDefined();
});

test("a server that stays suspended does not keep the program from ending", async () => {
  await using program = await expose("obedient");
  const session = await openSession(program.ready.url);
  const pid = Number((await session.call("pid")).result?.["pid"]);
  process.kill(pid, "SIGSTOP");
  expect(await program.stop()).toBe(0);
  await until("it is gone", () => !isAlive(pid));
});

test("a server that closes its stdout and lives on is taken for dead: its calls are answered and it is replaced", async () => {
  await using program = await expose("closes-stdout");
  const session = await openSession(program.ready.url);
  const { error } = await session.call("any");
  expect([error?.code, error?.message]).toEqual([-32603, expect.stringContaining("closed its stdout")]);
  await until("another is there", () => pidsOf(program, "ready").length === 2);
  await until("the old one is gone", () => !isAlive(pidsOf(program)[0]!));
});

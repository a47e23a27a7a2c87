// A server is announced once, and never before it has answered. Some of it takes half a
// minute, so that runs side by side.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  fixture,
  INITIALIZE,
  isAlive,
  listen,
  OPEN,
  openSession,
  post,
  readAnswer,
  until,
} from "../eras/wire.ts";
import { listChildren } from "../faults/machine.ts";
import { createStatelessClient } from "../matrix/stateless-wire.ts";
import { launchProgram, ROOT, runProgram, type Launch } from "../program.ts";

setDefaultTimeout(90_000);

/** A folder in which a file can be put for `late` to find. */
function createGate() {
  const folder = mkdtempSync(join(tmpdir(), "mcp-expose-launch-"));
  const file = join(folder, "open");
  return {
    file,
    open: () => writeFileSync(file, ""),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

const linesOf = (stdout: string) =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; reason?: string; advice?: string; url?: string });

/** The URL at which the server is going to be served, once the terminal says that it is waited for. */
async function readUrl(program: Launch): Promise<string> {
  const told = () => /Waiting for ".*" to answer; it will be served at (\S+)/.exec(program.stderr())?.[1];
  await until("it is said that it waits", () => told() !== undefined);
  return told()!;
}

describe("a server that ends before it has answered", () => {
  test.concurrent(
    "found 32: seconds after its start: `failed` and status 1, and no `ready`, banner or URL",
    async () => {
      const server = ["--shell", "sleep 6; echo no database >&2; exit 3"];
      const outcome = await runProgram(["--json", "--port=0", ...OPEN, ...server], { deadline: 60_000 });
      const [first, ...others] = linesOf(outcome.stdout);
      expect(first).toMatchObject({
        event: "failed",
        reason: expect.stringContaining("exited with status 3"),
      });
      expect(others.map(({ event }) => event)).not.toContain("ready");
      expect(outcome.stderr).not.toContain("is serving");
      expect(outcome.stderr.match(/\| no database$/gm)).toHaveLength(1);
      expect(outcome.exitCode).toBe(1);
    },
  );

  test("found 32: long after its start, and waiting callers get an error", async () => {
    await using program = launchProgram([...OPEN, fixture("never-answers")]);
    const url = await readUrl(program);
    const called = post(url, INITIALIZE);
    // A start fails when both have ended: the probed process, and the one initialized in its place.
    for (let ended = 0; ended < 2; ended++) {
      await until("a server process is there", () => serverPids(program).length === 1);
      const [pid] = serverPids(program);
      process.kill(pid!, "SIGKILL");
      await until("it is gone", () => !isAlive(pid!));
    }
    expect((await readAnswer(await called)).error?.message).toContain("does not start: was ended by SIGKILL");
    expect(await program.exited).toBe(1);
    expect(program.events.map(({ event }) => event)).not.toContain("ready");
    expect(program.events[0]).toMatchObject({
      event: "failed",
      reason: expect.stringContaining("was ended by SIGKILL before it answered"),
    });
  });
});

/** The processes of the server: those that the program has started. */
function serverPids({ pid }: Launch): number[] {
  return listChildren(pid).filter(isAlive);
}

describe("a server that takes its time", () => {
  test("found 32: a quick tunnel that moves meanwhile: one `ready`, with the last URL, and no report of the move", async () => {
    using gate = createGate();
    const path = `${join(ROOT, "test/fixtures/bin")}:${process.env["PATH"]}`;
    const log = `${gate.file}-runs`;
    await using program = launchProgram(
      ["--auth=none", "--yes-public", "--tunnel=cloudflared", fixture("late"), gate.file],
      { env: { PATH: path, STAND_IN_LOG: log } },
    );
    const urls = () => [...program.stderr().matchAll(/The tunnel is .*(https:\S+)/g)].map(([, url]) => url);
    await until("the tunnel is up", () => urls().length === 1);
    const [run] = (await Bun.file(log).text()).split("\n");
    process.kill((JSON.parse(run!) as { pid: number }).pid, "SIGKILL");
    await until("it is up again", () => urls().length === 2);
    gate.open();
    const ready = await program.next(({ event }) => event === "ready");
    expect(ready).toMatchObject({ url: `${urls()[1]}/mcp` });
    await until(
      "all is reported",
      () => program.events.filter(({ event }) => event === "tunnel").length === 3,
    );
    expect(program.events.filter(({ event }) => event === "ready")).toHaveLength(1);
    expect(JSON.stringify(program.events)).not.toContain('"changed"');
    expect(program.stderr()).not.toContain("THE PUBLIC URL HAS CHANGED");
  });

  test("found 32: the terminal says that it is waited for and which URL it will have; then comes the banner", async () => {
    using gate = createGate();
    await using program = launchProgram([...OPEN, fixture("late"), gate.file]);
    const url = await readUrl(program);
    expect(program.events).toEqual([]);
    gate.open();
    expect(await program.next(({ event }) => event === "ready")).toMatchObject({ url });
    expect((await (await openSession(url)).call("x")).result).toHaveProperty("pid");
  });

  test("found 32: Ctrl+C while it is waited for: status 0, neither `ready` nor `failed`, and nothing is left", async () => {
    await using program = launchProgram([...OPEN, fixture("never-answers")]);
    await until("it is started", () => serverPids(program).length === 1);
    const pids = serverPids(program);
    expect(await program.stop("SIGINT")).toBe(0);
    expect(program.events.filter(({ event }) => event === "ready" || event === "failed")).toEqual([]);
    await until("the server is gone", () => !pids.some(isAlive));
  });
});

describe("a server that never answers", () => {
  test.concurrent(
    "found 32: and is long in ending is not started once more while the program ends",
    async () => {
      using gate = createGate();
      const starts = () =>
        existsSync(gate.file) ? readFileSync(gate.file, "utf8").trim().split("\n").map(Number) : [];
      await using program = launchProgram([...OPEN, fixture("never-ends"), gate.file]);
      await until("it is started", () => starts().length === 1);
      // Shortly before the second one is due, which it is while the first is being ended.
      const started = performance.now();
      await until("it has been silent for long", () => performance.now() - started > 8_700);
      const before = starts();
      expect(await program.stop()).toBe(0);
      expect(starts()).toEqual(before);
      await until("the server is gone", () => !starts().some(isAlive));
    },
  );

  test.concurrent(
    "found 33: and listens on a port: the start fails, with the port, and what a server must speak",
    async () => {
      const words = ["--json", "--port=0", ...OPEN, fixture("http-by-mistake")];
      const { exitCode, stdout, stderr } = await runProgram(words, { deadline: 80_000 });
      const port = /listening on (\d+)/.exec(stderr)?.[1];
      const [first, ...others] = linesOf(stdout);
      expect(first).toMatchObject({
        event: "failed",
        reason: expect.stringContaining(`listens on port ${port}`),
        advice: expect.stringContaining("MCP over stdio, not HTTP"),
      });
      expect(others.map(({ event }) => event)).not.toContain("ready");
      expect(stderr).toMatch(new RegExp(`! "http-by-mistake" listens on port ${port} .*stdio`));
      expect(stderr.match(/not answered.* for 30 s/g)).toHaveLength(1);
      expect(exitCode).toBe(1);
    },
  );

  test.concurrent(
    "found 33: and asks a person to sign in, on a port of its own: it is waited for",
    async () => {
      using gate = createGate();
      const signIn = "https://as.example/authorize?response_type=code&client_id=1";
      await using program = launchProgram([...OPEN, fixture("http-by-mistake"), signIn, gate.file]);
      // That is said when the start of any other would have failed.
      while (!program.stderr().includes("has not answered for 30 s")) await Bun.sleep(50);
      gate.open();
      await program.next(({ event }) => event === "ready");
    },
  );

  test.concurrent(
    "found 33: clients of every era get an error after a while; it is waited for, and can be stopped",
    async () => {
      await using program = launchProgram([...OPEN, fixture("never-answers")]);
      const url = await readUrl(program);
      const stream = listen(await fetch(new URL("/sse", url)));
      const { data: endpoint } = await stream.nextEvent();
      const [oldest, legacy, discovery, call] = await Promise.all([
        post(new URL(endpoint, url).href, INITIALIZE).then(stream.next),
        post(url, INITIALIZE).then(readAnswer),
        createStatelessClient(url).request("server/discover").then(readAnswer),
        createStatelessClient(url).call("x"),
      ]);
      for (const { error } of [oldest, legacy, discovery])
        expect(error).toEqual({
          code: -32603,
          message: expect.stringMatching(/has not answered anything yet/),
        });
      expect(call.result).toMatchObject({ isError: true });
      expect(JSON.stringify(call.result)).toContain("has not answered anything yet");
      expect(program.events).toEqual([]);
      expect(await program.stop()).toBe(0);
    },
  );
});

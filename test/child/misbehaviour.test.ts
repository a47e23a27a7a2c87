// Servers as they are found in the field, each a real process, and what becomes of their clients' calls.
import { describe, expect, test } from "bun:test";
import type { AppEvent } from "../../src/app/app.ts";
import { runProgram } from "../program.ts";
import { expose, fixture, OPEN, openSession, readMessages, until } from "../eras/wire.ts";

describe("a server that ends at once", () => {
  const LAUNCH = [...OPEN, "--port", "0"];
  const BROKEN = 'The server "exits-at-once" exited with status 3 before it answered.';

  test("is told with how it was started: status 1, and no URL; what it wrote is shown once", async () => {
    const { exitCode, stdout, stderr } = await runProgram([...LAUNCH, fixture("exits-at-once")]);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(BROKEN);
    expect(stderr.match(/exited with status 3/g)).toHaveLength(1);
    expect(stderr.match(/WEATHER_API_KEY is not set/g)).toHaveLength(1);
    expect(stderr).toContain("exits-at-once | ERROR: WEATHER_API_KEY is not set\n");
    expect(stderr).toContain("exits-at-once.ts");
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("is told with its last words where they were not shown before", async () => {
    const { exitCode, stderr } = await runProgram([...LAUNCH, "--quiet", fixture("exits-at-once")]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      `${BROKEN}\nIts last output:\n  | Reading settings\n  | ERROR: WEATHER_API_KEY is not set`,
    );
  });

  test("is told to scripts in a line that comes first", async () => {
    const { exitCode, stdout } = await runProgram([...LAUNCH, "--json", fixture("exits-at-once")]);
    const events = stdout.split("\n").flatMap((line) => (line === "" ? [] : (JSON.parse(line) as AppEvent)));
    expect(exitCode).toBe(1);
    expect(events[0]).toEqual({ event: "failed", reason: BROKEN });
    expect(events).toContainEqual(expect.objectContaining({ event: "child", state: "started" }));
  });

  test("so is one that cannot even be started", async () => {
    const words = [...OPEN, "--port", "0", "--shell", "no-such-command-anywhere --serve"];
    const { exitCode, stderr } = await runProgram(words);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("not found");
  });
});

describe("what a server writes", () => {
  test("noise on stdout is dropped, with one warning that quotes it", async () => {
    await using program = await expose("noisy");
    const session = await openSession(program.ready.url);
    for (const id of [1, 2, 3])
      expect(await session.call("any", {}, id)).toMatchObject({ id, result: { quiet: false } });
    await until("the warning", () => program.stderr().includes("not MCP messages"));
    const warnings = program
      .stderr()
      .split("\n")
      .filter((line) => line.startsWith("! ") && line.includes("stdout"));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/"Starting up on port 3000…"|"Handling a call"/);
  });

  test("a message over several lines is noise; the same on one line counts", async () => {
    await using program = await expose("pretty");
    const session = await openSession(program.ready.url);
    expect((await session.call("x")).result).toEqual({ plain: "x" });
  });

  test("single bytes and Windows line ends make the same message", async () => {
    await using program = await expose("byte-by-byte");
    const session = await openSession(program.ready.url);
    expect((await session.call("x")).result).toEqual({ text: "grün 🦊" });
  });

  test("a batch is its messages", async () => {
    await using program = await expose("sends-batches");
    const session = await openSession(program.ready.url);
    const messages = await readMessages(await session.start("x"));
    expect(messages.map(({ method, result }) => method ?? result)).toEqual([
      "notifications/message",
      { batched: true },
    ]);
  });

  test("of two answers to one call the first counts, and the second goes to nobody", async () => {
    await using program = await expose("answers-twice");
    const session = await openSession(program.ready.url);
    for (const tool of ["a", "b", "c"])
      expect(await readMessages(await session.start(tool))).toMatchObject([{ result: { first: tool } }]);
  });

  test("answers to what nobody asked, and reports on it, go to nobody", async () => {
    await using program = await expose("wrong-id");
    const session = await openSession(program.ready.url);
    expect(await readMessages(await session.start("x"))).toMatchObject([{ result: { right: "x" } }]);
  });

  test("half an answer is none: the call fails clearly, and so does the next", async () => {
    await using program = await expose("half-line");
    const session = await openSession(program.ready.url);
    for (const id of [1, 2]) {
      const { error } = await session.call("x", {}, id);
      expect([error?.code, error?.message]).toEqual([
        -32603,
        expect.stringContaining("exited with status 1"),
      ]);
    }
  });

  test("64 MB in one message pass, both ways", async () => {
    const bytes = 64 * 1024 * 1024;
    await using program = await expose("obedient", ["--max-body", "100mb"]);
    const session = await openSession(program.ready.url);
    const answer = await session.call("big", { bytes });
    expect(String(answer.result?.["big"]).length).toBe(bytes);
    const { result } = await session.call("length", { text: "y".repeat(bytes) });
    expect(result?.["length"]).toBeGreaterThan(bytes);
  });
});

describe("a server that is hard to greet", () => {
  test("one that ends at any request before initialize is served", async () => {
    await using program = await expose("exits-without-initialize");
    const session = await openSession(program.ready.url);
    expect((await session.send({ jsonrpc: "2.0", id: 1, method: "ping" })).status).toBe(200);
    expect((await fetch(program.ready.readyz)).status).toBe(200);
  });

  test("one that dies at a ping serves calls", async () => {
    await using program = await expose("dies-on-ping");
    const session = await openSession(program.ready.url);
    const { result } = await session.call("x");
    expect(result?.["pid"]).toBeNumber();
  });
});

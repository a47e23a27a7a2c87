// Servers that read too little or write too much: the cost for us, and the errors for their clients.
import { describe, expect, test } from "bun:test";
import { expose, openSession, readAnswer, until, type Wire } from "../eras/wire.ts";
import { HAS_PROC, readPeak, readWritten } from "./machine.ts";

const MB = 1024 * 1024;

test("a server that does not read its stdin: 64 MB wait for it, then calls are refused; what waited is served", async () => {
  await using program = await expose("obedient");
  const session = await openSession(program.ready.url);
  const pid = Number((await session.call("pid")).result?.["pid"]);
  process.kill(pid, "SIGSTOP");
  const text = "z".repeat(4 * MB);
  const answers: Wire[] = [];
  const calls = Array.from({ length: 32 }, async (_, id) => {
    answers.push(await readAnswer(await session.start("length", { text }, id)));
  });
  await until("some are refused", () => answers.length >= 10);
  for (const { error } of answers) expect(error?.message).toContain("takes nothing in");
  if (HAS_PROC) expect(readPeak(program.pid)).toBeLessThan(600 * MB);
  process.kill(pid, "SIGCONT");
  await Promise.all(calls);
  expect(answers.filter(({ result }) => result !== undefined).length).toBeGreaterThanOrEqual(15);
  expect((await session.call("cwd")).result).toBeDefined();
});

describe("a server that writes a line without end", () => {
  const MEGABYTES = 10 * 1024;

  test.skipIf(!HAS_PROC)(
    "10 GB cost the memory of the longest line allowed; others are served meanwhile; its call fails, the next is served",
    async () => {
      await using program = await expose("torrent");
      const [session, other] = [await openSession(program.ready.url), await openSession(program.ready.url)];
      const pid = Number((await session.call("pid")).result?.["pid"]);
      const call = session.call("big", { megabytes: MEGABYTES });
      await until("it is over the limit", () => readWritten(pid) > 300 * MB);
      for (let count = 0; count < 20; count++) expect((await other.call("pid")).result?.["pid"]).toBeNumber();
      expect(readWritten(pid)).toBeLessThan(MEGABYTES * MB);
      expect((await call).error?.message).toMatch(/too large \(107374\d{5} bytes\)/);
      await until("it is reported", () => program.stderr().includes("which is over the limit; it is lost"));
      // The longest line allowed is 256 MB; what is kept of it is joined once, which takes as much again.
      expect(readPeak(program.pid)).toBeLessThan(900 * MB);
      // The same process: it has done no harm.
      expect((await session.call("pid")).result?.["pid"]).toBe(pid);
    },
    // Two and a half minutes for 70 MB a second.
    150_000,
  );
});

describe("a server that floods its clients with notifications", () => {
  test("delays no other client, and is served itself", async () => {
    await using program = await expose("torrent");
    const [flooded, other] = [await openSession(program.ready.url), await openSession(program.ready.url)];
    await flooded.call("flood");
    for (let count = 0; count < 20; count++) {
      expect((await other.call("pid")).result?.["pid"]).toBeNumber();
      expect((await fetch(new URL("/healthz", program.ready.url))).status).toBe(200);
    }
    expect((await flooded.call("stop")).result).toEqual({});
    if (HAS_PROC) expect(readPeak(program.pid)).toBeLessThan(300 * MB);
  });
});

// How the era of a server is found out: by probes that cost no client more than one start of it, and change no
// server's behaviour. Starts are counted, never timed.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  expose,
  fixture,
  INITIALIZE,
  openSession,
  OPEN,
  post,
  readAnswer,
  readStarts,
  until,
} from "../eras/wire.ts";
import { createStatelessClient } from "../matrix/stateless-wire.ts";
import { ROOT, startProgram, type Launch } from "../program.ts";

setDefaultTimeout(90_000);

function pidsOf({ events }: Launch, state: "started" | "exited"): number[] {
  return events.flatMap((event) =>
    event.event === "child" && event.state === state && event.pid !== undefined ? [event.pid] : [],
  );
}

/** The message that ended a strict server. */
function endedAt(program: Launch): string[] {
  return Array.from(program.stderr().matchAll(/but received (\S+)/g), ([, method]) => method!);
}

describe("a server that ends at any request but initialize", () => {
  // Milliseconds that one start takes: more than a probe of any other server is ever waited for.
  test.concurrent.each([
    ["auto", 6_000, ["server/discover"]],
    ["legacy", 11_000, []],
  ])(
    "found 36: slow to start, --child-era %s: it is waited for, and serves both eras of client",
    async (era, ms, ended) => {
      await using program = await startProgram([...OPEN, "--child-era", era, fixture("strict"), String(ms)]);
      const { url } = program.ready;
      const [legacy, modern] = await Promise.all([
        openSession(url).then((session) => session.call("x")),
        createStatelessClient(url).call("x"),
      ]);
      expect(legacy.result).toEqual({ content: [], pid: expect.any(Number) });
      expect(modern.result).toMatchObject({ content: [], pid: expect.any(Number) });
      expect(endedAt(program)).toEqual(ended);
    },
  );

  test("found 36: the process that a client gets waits before the client is there, and is the only one left", async () => {
    await using program = await expose("strict");
    await until("another one waits", () => pidsOf(program, "exited").length === 2);
    await until("another one waits", () => pidsOf(program, "started").length === 3);
    const { result } = await (await openSession(program.ready.url)).call("x");
    expect(result?.["pid"]).toBe(pidsOf(program, "started").at(-1));
    // A process that ended because of our probe is not reported as a failure.
    expect(program.stderr()).not.toContain("The server exited");
  });

  test("found 36: no probe is sent in the middle of a client's handshake", async () => {
    await using program = await expose("strict", ["--child-era", "legacy"]);
    const { url, readyz } = program.ready;
    const opened = await post(url, INITIALIZE);
    const headers = { "mcp-session-id": opened.headers.get("mcp-session-id")! };
    expect((await readAnswer(opened)).result).toBeDefined();
    expect((await fetch(readyz)).status).toBe(200);
    await post(url, { jsonrpc: "2.0", method: "notifications/initialized" }, headers);
    expect((await fetch(readyz)).status).toBe(200);
    const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "x" } };
    expect((await readAnswer(await post(url, call, headers))).result).toBeDefined();
    expect(endedAt(program)).toEqual([]);
  });
});

test("found 36: a server that answers server/discover gets no other probe, and is started once", async () => {
  for (const server of ["obedient", "answers-discover", "stateless"]) {
    await using program = await expose(server);
    await until("it is reported", () => pidsOf(program, "started").length > 0);
    expect((await fetch(program.ready.readyz)).status).toBe(200);
    expect([server, pidsOf(program, "started").length]).toEqual([server, 1]);
  }
});

test("found 1: an ambiguous answer to the first probe is an answer, and starts no other process", async () => {
  await using program = await startProgram([...OPEN, fixture("answers-discover"), "doubtfully"]);
  expect((await (await openSession(program.ready.url)).call("x")).result).toMatchObject({ served: "x" });
  expect(await readStarts(program)).toHaveLength(1);
  expect(program.stderr()).toContain("messages that can be read in two ways");
});

/** A server that there can be only one of, and what it has noted. */
async function exposeHolder(manner: string) {
  const folder = mkdtempSync(join(tmpdir(), "mcp-expose-probe-"));
  const program = await startProgram([...OPEN, fixture("holds-place"), folder, manner]);
  return {
    program,
    url: program.ready.url,
    fail: (starts: number) => writeFileSync(join(folder, "failing"), String(starts)),
    journal: () => readFileSync(join(folder, "journal"), "utf8").trim().split("\n"),
    async [Symbol.asyncDispose]() {
      await program.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

test.concurrent("found 36: a silent server that yields to a running one is initialized alone", async () => {
  await using house = await exposeHolder("silent");
  expect((await (await openSession(house.url)).call("x")).result).toMatchObject({ era: "legacy" });
  expect(house.journal()).toEqual(["started", "taken", "started", "started"]);
  expect(house.program.stderr()).not.toContain("The server exited");
});

test("found 39: a singleton server that settles for an era never has two processes at a time", async () => {
  await using house = await exposeHolder("settles");
  expect((await (await openSession(house.url)).call("x")).result).toMatchObject({ era: "legacy" });
  expect(house.journal()).toEqual(["started", "started"]);
});

test("found 39: a failed start decides nothing: the next client's request probes again", async () => {
  await using house = await exposeHolder("settles");
  house.fail(2);
  const first = await openSession(house.url);
  expect((await first.call("x")).result).toMatchObject({ era: "modern" });
  expect(house.journal()).toEqual(["started", "failed", "failed", "started"]);
  // There is room for the next one.
  await first.end();
  await until("it is gone", () => pidsOf(house.program, "exited").length === 4);
  expect((await (await openSession(house.url)).call("x")).result).toMatchObject({ era: "legacy" });
});

describe("the first client with a session", () => {
  test("found 39: on a server of both eras gets the process that was probed", async () => {
    const dual = join(ROOT, "test/matrix/servers/v2-dual.ts");
    await using program = await startProgram([...OPEN, dual]);
    const session = await openSession(program.ready.url);
    expect((await session.call("add", { a: 1, b: 2 })).result).toMatchObject({
      structuredContent: { sum: 3 },
    });
    expect(pidsOf(program, "started")).toHaveLength(1);
    // One of the other era finds a process, too.
    const modern = await createStatelessClient(program.ready.url).call("add", { a: 1, b: 2 });
    expect(modern.result).toMatchObject({ resultType: "complete", structuredContent: { sum: 3 } });
  });

  test("found 39: waits for one start where the probed process has settled for the other era, which makes room for it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mcp-expose-probe-"));
    const journal = join(folder, "starts");
    try {
      await using program = await startProgram([...OPEN, fixture("settles-at-once"), journal]);
      const legacy = await (await openSession(program.ready.url)).call("x");
      const [probed, started, ...others] = (await Bun.file(journal).text()).trim().split("\n").map(Number);
      expect(others).toEqual([]);
      expect(legacy.result).toMatchObject({ era: "legacy", pid: started });
      const modern = await createStatelessClient(program.ready.url).call("x");
      expect(modern.result).toMatchObject({ era: "modern" });
      expect(modern.result?.["pid"]).not.toBe(probed);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("found 39: comes at the same time as others, and each is served", async () => {
    await using program = await expose("settles-at-once");
    const { url } = program.ready;
    const clients = [1, 2, 3].map(async () => (await openSession(url)).call("x"));
    const answers = await Promise.all([...clients, createStatelessClient(url).call("x")]);
    expect(answers.map(({ result }) => result?.["era"])).toEqual(["legacy", "legacy", "legacy", "modern"]);
    // Where no one signs in every session has a process of its own.
    expect(new Set(answers.map(({ result }) => result?.["pid"])).size).toBe(4);
  });

  test("found 39: decides nothing for others by an unusual handshake", async () => {
    for (const server of [join(ROOT, "test/matrix/servers/v2-dual.ts"), fixture("settles-at-once")]) {
      await using program = await startProgram([...OPEN, server]);
      const { url } = program.ready;
      // A revision and members that a server may refuse for what they are.
      const params = { protocolVersion: 5, capabilities: "all", clientInfo: null };
      await (await post(url, { ...INITIALIZE, params })).text();
      const opened = await readAnswer(await post(url, INITIALIZE));
      // A server that was translated for would be greeted by us, and know nothing of the revision asked for.
      expect(opened.result).toMatchObject({ protocolVersion: "2025-11-25" });
      const session = await openSession(url);
      const { result } = await session.call(server.endsWith("dual.ts") ? "numbers" : "x");
      expect(result).not.toHaveProperty("resultType");
    }
  });

  test.each([
    ["unheard", 1],
    ["refused", 3],
    ["silence", 3],
    ["end", 3],
  ])(
    "found 39: is translated on a server of 2026-07-28 only, to which initialize is %s",
    async (manner, starts) => {
      await using program = await startProgram([...OPEN, fixture("modern-only"), manner]);
      const session = await openSession(program.ready.url);
      const { result } = await session.call("x");
      await until("the starts are reported", () => pidsOf(program, "started").length >= starts);
      const pids = pidsOf(program, "started");
      expect([pids.length, pids]).toEqual([starts, expect.arrayContaining([structured(result)])]);
    },
  );
});

function structured(result: Record<string, unknown> | undefined): unknown {
  return (result?.["structuredContent"] as { pid?: number } | undefined)?.pid;
}

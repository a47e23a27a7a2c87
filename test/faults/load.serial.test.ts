// Many clients at once that do nothing, or nothing fast. Alone on the machine, because memory is measured.
import { describe, expect, test } from "bun:test";
import { expose, openSession, post, until, INITIALIZE } from "../eras/wire.ts";
import { countDescriptors, HAS_PROC, readMemory, readPeak, readWritten } from "./machine.ts";
import { composePost, connectRaw, type RawSocket } from "./socket.ts";

const MB = 1024 * 1024;
const SHARED = ["--process", "shared"];

/** A call whose answer nobody reads yet. */
async function callSlowly(url: string, session: string, tool: string, args: object): Promise<RawSocket> {
  const socket = await connectRaw(url, { paused: true, keep: 1_000 });
  const call = { jsonrpc: "2.0", id: crypto.randomUUID(), method: "tools/call" };
  await socket.write(
    composePost(url, { ...call, params: { name: tool, arguments: args } }, { "mcp-session-id": session }),
  );
  return socket;
}

/** Waits until a number has not grown for a while. */
async function untilStill(read: () => number): Promise<number> {
  let last = -1;
  let since = performance.now();
  await until("it stands still", () => {
    const now = read();
    if (now !== last) since = performance.now();
    last = now;
    return performance.now() - since > 500;
  });
  return last;
}

describe.skipIf(!HAS_PROC)("a hundred clients that do not read", () => {
  const BIG = 50;

  test("answers of 50 MB hold the server back instead of filling our memory, and are all there when they are read", async () => {
    await using program = await expose("torrent", SHARED);
    const { url } = program.ready;
    const session = await openSession(url);
    const pid = Number((await session.call("pid")).result?.["pid"]);
    const slow = await Promise.all(
      Array.from({ length: 100 }, () => callSlowly(url, session.id, "big", { megabytes: BIG })),
    );
    const written = await untilStill(() => readWritten(pid));
    // 64 MB may be unread; the answer that goes over that, and what the pipe holds, come on top.
    expect(written).toBeLessThan(64 * MB + 2 * BIG * MB);
    expect(readPeak(program.pid)).toBeLessThan(600 * MB);
    expect((await fetch(new URL("/healthz", url))).status).toBe(200);

    // The server answers in the order it was asked in.
    for (const socket of slow.splice(10)) socket.close();
    for (const socket of slow) socket.resume();
    await until("the others have it all", () => slow.every((socket) => socket.received() > BIG * MB));
    expect(readPeak(program.pid)).toBeLessThan(1_000 * MB);
    for (const socket of slow) socket.close();
  }, 60_000);

  test("a stream that a server floods holds it back, too, and goes on when it is read", async () => {
    await using program = await expose("torrent", SHARED);
    const { url } = program.ready;
    const session = await openSession(url);
    const pid = Number((await session.call("pid")).result?.["pid"]);
    const stream = await connectRaw(url, { paused: true, keep: 0 });
    const { host } = new URL(url);
    await stream.write(
      `GET /mcp HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${session.id}\r\n\r\n`,
    );
    await until("it listens", () => program.stderr().includes("GET  /mcp 200"));
    await session.call("flood");
    const written = await untilStill(() => readWritten(pid));
    expect(written).toBeLessThan(100 * MB);
    expect(readPeak(program.pid)).toBeLessThan(500 * MB);
    stream.resume();
    await until("it is read on", () => readWritten(pid) > 2 * written);
    expect((await session.call("stop")).result).toEqual({});
    stream.close();
  }, 60_000);
});

describe.skipIf(!HAS_PROC)("a thousand sessions that are opened and abandoned", () => {
  test("cost little, whether on one process or on the few that are allowed", async () => {
    for (const [words, most] of [
      [SHARED, 1],
      [["--max-children", "4"], 40],
    ] as const) {
      await using program = await expose("obedient", words);
      const { url } = program.ready;
      await openSession(url);
      const [memory, descriptors] = [readMemory(program.pid), countDescriptors(program.pid)];
      const count = 1000 / most;
      for (let opened = 0; opened < count; opened += 20)
        await Promise.all(Array.from({ length: 20 }, async () => (await post(url, INITIALIZE)).text()));
      expect(readMemory(program.pid) - memory).toBeLessThan(60 * MB);
      // A few connections of this test's own, and the pipes of the processes allowed.
      await until("the rest is let go", () => countDescriptors(program.pid) - descriptors < 60);
    }
  }, 60_000);
});

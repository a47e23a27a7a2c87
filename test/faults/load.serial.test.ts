// Many clients at once that do nothing, or nothing fast. Alone on the machine, because memory is measured.
import { describe, expect, test } from "bun:test";
import { expose, openSession, post, until, INITIALIZE, type WireSession } from "../eras/wire.ts";
import { countDescriptors, HAS_PROC, readMemory, readPeak, readWritten } from "./machine.ts";
import { connectByteReaders, type ByteReader } from "./byte-reader.ts";
import { composePost, connectRaw } from "./socket.ts";

const MB = 1024 * 1024;
const SHARED = ["--process", "shared"];

/** Calls of a session's tool, each on a connection of its own whose answer is read byte by byte. */
function callByteByByte(
  url: string,
  session: string,
  count: number,
  tool: string,
  args: object,
): ByteReader[] {
  return connectByteReaders(url, count).map((reader) => {
    const call = { jsonrpc: "2.0", id: crypto.randomUUID(), method: "tools/call" };
    const body = { ...call, params: { name: tool, arguments: args } };
    reader.write(composePost(url, body, { "mcp-session-id": session }));
    return reader;
  });
}

async function askPid(session: WireSession): Promise<number> {
  return Number((await session.call("pid")).result?.["pid"]);
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

describe.skipIf(!HAS_PROC)("clients that read slowly, or not at all", () => {
  const BIG = 50;
  const SERVERS = 4;
  const SECONDS = 12;

  test("a hundred that read a byte a second: answers of 50 MB hold the servers back instead of filling our memory, others are served, and all is there when it is read", async () => {
    await using program = await expose("torrent");
    const { url } = program.ready;
    // Callers without a sign-in have a server process for each session.
    const other = await openSession(url);
    const sessions = await Promise.all(Array.from({ length: SERVERS }, () => openSession(url)));
    const pids = await Promise.all(sessions.map(askPid));
    const crowds = sessions.map(({ id }) =>
      callByteByByte(url, id, 100 / SERVERS, "big", { megabytes: BIG }),
    );
    const readers = crowds.flat();

    // Lasts until no server has got anything rid of for so many seconds.
    let written: number[] = [];
    for (let still = 0; still < SECONDS;) {
      // Their pace, and what this is about: nothing is waited for.
      await Bun.sleep(1_000);
      for (const reader of readers) reader.readByte();
      expect(await askPid(other)).toBeGreaterThan(0);
      const now = pids.map(readWritten);
      still = Bun.deepEquals(now, written) ? still + 1 : 0;
      written = now;
    }
    for (const reader of readers) expect(reader.text()).toStartWith("HTTP");
    for (const bytes of written) {
      expect(bytes).toBeGreaterThan(64 * MB);
      // 64 MB may be unread; the answer that goes over that, and what pipe and connections hold, come on top.
      expect(bytes).toBeLessThan(64 * MB + 2 * BIG * MB);
    }
    expect(readPeak(program.pid)).toBeLessThan(SERVERS * 300 * MB);

    // One of each crowd: a server answers one call after the other.
    const going = crowds.map(([first]) => first!);
    for (const reader of readers) if (!going.includes(reader)) reader.close();
    await until("the others have it all", () => going.every((reader) => reader.readAll() > BIG * MB));
    expect(readPeak(program.pid)).toBeLessThan(SERVERS * 300 * MB);
    for (const reader of going) reader.close();
  }, 120_000);

  test("a stream that a server floods holds it back, too, and goes on when it is read", async () => {
    await using program = await expose("torrent", [...SHARED, "--verbose"]);
    const { url } = program.ready;
    const session = await openSession(url);
    const pid = await askPid(session);
    const stream = await connectRaw(url, { paused: true, keep: 0 });
    const { host } = new URL(url);
    await stream.write(
      `GET /mcp HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${session.id}\r\n\r\n`,
    );
    await until("it listens", () => program.stderr().includes("has opened a stream"));
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

describe.skipIf(!HAS_PROC)("five hundred sessions whose events are kept for them", () => {
  test("found 8: take no more memory than is allowed for all of them together", async () => {
    await using program = await expose("obedient", SHARED);
    const { url } = program.ready;
    await openSession(url);
    const memory = readMemory(program.pid);
    // The line before the answer makes a stream of it, and so it is kept: 900 KB in each session.
    const begun = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":""}}`;
    const reply = `${begun}\n{"jsonrpc":"2.0","id":$ID,"result":{"big":"${"x".repeat(900_000)}"}}`;
    for (let opened = 0; opened < 500; opened++) {
      const session = await openSession(url);
      expect((await (await session.start("raw", { reply })).text()).length).toBeGreaterThan(900_000);
    }
    // 64 MB are kept; what else was used for a moment is given back bit by bit.
    await until("the rest is let go", () => readMemory(program.pid) - memory < 200 * MB);
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

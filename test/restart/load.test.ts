// Restarts under load: every call is answered or told why, no session ends, and never two processes run at a time.
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSession, readAnswer, type Wire } from "../eras/wire.ts";
import { createStatelessClient } from "../matrix/stateless-wire.ts";
import { openReplaceable, readLog, running } from "./replaceable-server.ts";

setDefaultTimeout(120_000);

const RESTARTS = 50;
const SESSIONS = 3;

async function findPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("fifty restarts of a server that holds a port, under calls of both kinds of client", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mcp-expose-load-"));
  const notes = join(folder, "notes");
  const environment = `process.env.PORT = "${await findPort()}";\nprocess.env.NOTES = ${JSON.stringify(notes)};\n`;
  const text = `${environment}${running("fixtures/servers/port-holder.ts")}`;
  // One process for both kinds of client: the port forbids a second one.
  await using server = await openReplaceable(text, { process: "shared" });
  const modern = createStatelessClient(server.url);
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => openSession(server.url)));
  const over = new AbortController();
  const answers: Wire[] = [];
  const load = [...sessions, modern].map(async (client) => {
    for (let count = 0; !over.signal.aborted; count++) {
      const response = await client.start("x", { ms: count % 7 });
      expect(response.status).toBe(200);
      answers.push(await readAnswer(response));
    }
  });
  for (let count = 0; count < RESTARTS; count++)
    expect(await server.restart()).toMatchObject({ outcome: "answered" });
  over.abort();
  await Promise.all(load);

  const failed = answers.filter(({ result }) => result === undefined);
  for (const { error } of failed)
    expect(error?.message).toContain("restarted because its files have changed");
  expect(answers.length).toBeGreaterThan(RESTARTS);
  expect(server.living()).toHaveLength(1);
  expect(server.neighbours.filter((count) => count > 0)).toEqual([]);
  expect(readLog(notes).filter((line) => line.startsWith("refused"))).toEqual([]);
  expect(readLog(notes).length).toBeGreaterThan(RESTARTS);
  for (const session of sessions) expect((await session.call("x")).result).toBeDefined();
  rmSync(folder, { recursive: true, force: true });
});

test("messages that wait for a restart have 64 MB together; the rest is refused as busy, and the room is given back", async () => {
  const slow = `await new Promise((resolve) => setTimeout(resolve, 4_000));\n`;
  const obedient = running("fixtures/servers/obedient.ts");
  await using server = await openReplaceable(obedient, { maxBody: 40_000_000 });
  const session = await openSession(server.url);
  const modern = createStatelessClient(server.url);
  server.save(slow + obedient);
  const big = { text: "x".repeat(25_000_000) };
  for (const start of [
    () => session.start("length", big),
    (_: number, signal: AbortSignal) => modern.start("length", big, { signal }),
  ]) {
    const restarted = server.restart();
    const gone = new AbortController();
    const statuses: number[] = [];
    const waiting = [0, 1, 2, 3].map(async (at) => {
      const response = await start(at, gone.signal);
      statuses.push(response.status);
      await response.text();
    });
    await Promise.all(waiting);
    expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 200, 503, 503]);
    await restarted;
    // All of it is free again.
    const again = server.restart();
    expect(await Promise.all([0, 1].map(async (at) => (await start(at, gone.signal)).status))).toEqual([
      200, 200,
    ]);
    await again;
  }
});

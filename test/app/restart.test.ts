// A restart at the wish of the person at the terminal: the whole program, in this process.
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApp, type AppEvent } from "../../src/app/app.ts";
import type { CliIO } from "../../src/cli/io.ts";
import { createReport } from "../../src/cli/report.ts";
import type { Config } from "../../src/config/config.ts";
import { createLog } from "../../src/log.ts";
import { fixture, openSession } from "../eras/wire.ts";

setDefaultTimeout(30_000);

test("restart() replaces the process under a session, and says so on the screen and in the events", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mcp-expose-app-restart-"));
  const config: Config = {
    server: { command: fixture("obedient"), args: [], folder, literal: false, shell: false },
    cwd: folder,
    env: {},
    port: 0,
    host: "127.0.0.1",
    path: "/mcp",
    tunnel: "none",
    auth: "none",
    users: [],
    denyClient: [],
    scopes: {},
    store: "memory",
    accessTtl: 3_600_000,
    refreshTtl: 3_600_000,
    allowRedirect: [],
    allowOrigin: [],
    maxBody: 1_000_000,
    process: "client",
    childEra: "auto",
    maxChildren: 2,
    json: false,
    quiet: false,
    verbose: false,
  };
  let printed = "";
  const write = (text: string) => void (printed += text);
  const log = createLog({ level: "normal", write, color: false });
  const events: AppEvent[] = [];
  const io = { stdout: { write }, stderr: { write }, env: {} } as unknown as CliIO;
  const report = createReport(config, log, io, () => false);
  const app = await startApp(config, {
    log,
    agent: { file: "/nonexistent", args: [], env: {} },
    platform: process.platform,
    env: { PATH: process.env["PATH"] },
    home: folder,
    execPath: process.execPath,
    now: Date.now,
    random: (bytes) => randomBytes(bytes),
    emit(event) {
      events.push(event);
      report(event);
    },
    signal: new AbortController().signal,
  });
  try {
    const session = await openSession(app.ready.url);
    const before = (await session.call("pid")).result?.["pid"];
    await app.restart();
    expect((await session.call("pid")).result?.["pid"]).not.toBe(before);
    expect(events).toContainEqual({
      event: "child",
      state: "restarting",
      inMs: 0,
      reason: "the person who runs it has asked for it",
    });
    expect(printed).toMatch(
      /Restarting the server: the person who runs it has asked for it\.\n[^]*The server is back after \d+ ms\./,
    );
  } finally {
    await app.stop();
    rmSync(folder, { recursive: true });
  }
});

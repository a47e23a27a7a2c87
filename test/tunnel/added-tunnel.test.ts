// A tunnel and an audit log that are added from outside, by one line each: the tunnel carries the whole program, though no
// file of src knows its kind, and the audit log hears who called what.
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, type AppEvent, startApp } from "../../src/app/app.ts";
import type { Config } from "../../src/config/config.ts";
import { createLog } from "../../src/log.ts";
import { fixture, isAlive, openSession, post, until } from "../eras/wire.ts";
import { type AuditEntry, createAuditLog } from "../fixtures/audit-log.ts";
import { connect, registerClient, TOKEN } from "../oauth/harness.ts";
import {
  CAVEAT,
  createFixtureTunnel,
  type FixtureTunnel,
  type FixtureTunnelOptions,
} from "./fixture-tunnel.ts";

setDefaultTimeout(30_000);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Scene {
  tunnel: FixtureTunnel;
  /** What the program has emitted. */
  events: AppEvent[];
  /** What the audit log has heard. */
  audited: AuditEntry[];
  starting: Promise<App>;
  /** Lets a server that was started with `isLate` answer. */
  letAnswer(): void;
}

function start(
  overrides: Partial<Config> = {},
  options: FixtureTunnelOptions & { isLate?: boolean } = {},
): Scene {
  const folder = mkdtempSync(join(tmpdir(), "mcp-expose-added-tunnel-"));
  const gate = join(folder, "gate");
  const tunnel = createFixtureTunnel(options);
  const events: AppEvent[] = [];
  const audited: AuditEntry[] = [];
  const giveUp = new AbortController();
  const command = fixture(options.isLate ? "late" : "obedient");
  const config: Config = {
    server: { command, args: [gate], folder, literal: false, shell: false },
    cwd: folder,
    env: {},
    port: 0,
    host: "127.0.0.1",
    path: "/mcp",
    // A kind that src does not know.
    tunnel: "fixture" as Config["tunnel"],
    auth: "oauth",
    users: [],
    token: TOKEN,
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
    ...overrides,
  };
  const starting = startApp(config, {
    log: createLog({ level: "quiet", write() {}, color: false }),
    agent: { file: "/nonexistent", args: [], env: {} },
    platform: process.platform,
    env: { PATH: process.env["PATH"] },
    home: folder,
    execPath: process.execPath,
    now: Date.now,
    random: (bytes) => randomBytes(bytes),
    emit: (event) => void events.push(event),
    signal: giveUp.signal,
    tunnels: { fixture: tunnel.provider },
    observers: [createAuditLog((entry) => audited.push(entry))],
  });
  starting.catch(() => {});
  cleanups.push(async () => {
    giveUp.abort(new Error("the test is over"));
    await starting.then(
      (app) => app.stop(),
      () => {},
    );
    rmSync(folder, { recursive: true });
  });
  return { tunnel, events, audited, starting, letAnswer: () => writeFileSync(gate, "") };
}

function ofKind<Kind extends AppEvent["event"]>(events: readonly AppEvent[], kind: Kind) {
  return events.filter((event): event is AppEvent & { event: Kind } => event.event === kind);
}

test("it carries a sign-in and a call, and the audit log hears of both the person and the call", async () => {
  const { tunnel, audited, starting } = start();
  const { ready } = await starting;
  const url = await tunnel.opened;
  expect(ready).toMatchObject({ url: `${url}/mcp`, issuer: url, tunnel: "fixture", caveat: CAVEAT });
  const { access_token } = await connect(url, await registerClient(url));
  const session = await openSession(ready.url, { authorization: `Bearer ${access_token}` });
  expect((await session.call("echo", { text: "through the tunnel" })).result).toBeDefined();
  await until("the call is audited", () => audited.length > 0);
  expect(audited).toMatchObject([{ person: "owner", tool: "echo", outcome: "result" }]);
});

test.each([
  [true, 200],
  [false, 405],
])("its capabilities hold: streamsGet %p answers a GET with %p", async (streamsGet, status) => {
  const { starting } = start({ auth: "none" }, { capabilities: { streamsGet } });
  const session = await openSession((await starting).ready.url);
  const response = await session.listen();
  await response.body?.cancel();
  expect(response.status).toBe(status);
});

describe("when its URL moves", () => {
  test("during the start, `ready` has the new URL, and nothing else reports the move", async () => {
    const { tunnel, events, starting, letAnswer } = start({ auth: "none" }, { isLate: true });
    const first = await tunnel.opened;
    await until("the first URL is up", () => ofKind(events, "tunnel").length === 1);
    const second = await tunnel.move();
    expect(second).not.toBe(first);
    expect(ofKind(events, "ready")).toEqual([]);
    letAnswer();
    const { ready } = await starting;
    expect(ready.url).toBe(`${second}/mcp`);
    expect(ofKind(events, "ready")).toHaveLength(1);
    expect(ofKind(events, "tunnel")).toEqual([
      { event: "tunnel", state: "up", url: first },
      { event: "tunnel", state: "up", url: second },
    ]);
    expect((await openSession(ready.url)).id).toBeString();
    expect(await fetch(first).catch(() => "refused")).toBe("refused");
  });

  test("later, it says so, is ready again, and access to the old URL is over", async () => {
    const { tunnel, events, starting } = start();
    const { ready } = await starting;
    const first = await tunnel.opened;
    const { access_token } = await connect(first, await registerClient(first));
    const second = await tunnel.move();
    expect(ofKind(events, "tunnel").at(-1)).toEqual({
      event: "tunnel",
      state: "up",
      url: second,
      changed: true,
    });
    expect(ofKind(events, "ready")).toEqual([
      ready,
      { ...ready, url: `${second}/mcp`, sse: `${second}/sse`, issuer: second },
    ]);
    const answer = await post(`${second}/mcp`, {}, { authorization: `Bearer ${access_token}` });
    expect(answer.status).toBe(401);
  });
});

describe("when it fails", () => {
  const REASON = "The fixture tunnel was switched off.";
  const ADVICE = "Switch it on again.";
  const FAILED = { name: "UserError", message: REASON, hint: ADVICE, exitCode: 1 };

  test("to open, the start fails with its reason, and nothing is left", async () => {
    const { tunnel, events, starting } = start({}, { refuses: true, isLate: true });
    expect(await starting.catch((thrown: unknown) => thrown)).toMatchObject(FAILED);
    expectNothingLeft(tunnel, events);
  });

  test("before `ready`, the start fails with its reason, and nothing is left", async () => {
    const { tunnel, events, starting } = start({}, { isLate: true });
    await tunnel.opened;
    await until("the URL is up", () => ofKind(events, "tunnel").length === 1);
    tunnel.fail();
    expect(await starting.catch((thrown: unknown) => thrown)).toMatchObject(FAILED);
    expectNothingLeft(tunnel, events);
    expect(ofKind(events, "tunnel").map(({ state }) => state)).toEqual(["up"]);
  });

  test("later, the program reports why and stops with status 1", async () => {
    const { tunnel, events, starting } = start();
    const { stopped } = await starting;
    tunnel.fail();
    expect(await stopped).toBe(1);
    expect(ofKind(events, "tunnel").at(-1)).toEqual({
      event: "tunnel",
      state: "failed",
      reason: REASON,
      advice: ADVICE,
    });
    expect(events.at(-1)).toEqual({ event: "stopped" });
    expect(tunnel.isOpen()).toBeFalse();
  });
});

function expectNothingLeft(tunnel: FixtureTunnel, events: readonly AppEvent[]): void {
  expect(ofKind(events, "ready")).toEqual([]);
  expect(tunnel.isOpen()).toBeFalse();
  const pids = ofKind(events, "child").flatMap(({ pid }) => pid ?? []);
  expect(pids.filter(isAlive)).toEqual([]);
}

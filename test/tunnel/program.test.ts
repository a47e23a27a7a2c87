// The whole command behind a tunnel: what it reports, what it keeps secret, and what is left when something is killed.
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TunnelEvent } from "../../src/app/app.ts";
import { fixture, isAlive, openSession, openSseSession, readHistory, until } from "../eras/wire.ts";
import { type Ingress, type IngressOptions, startIngress } from "../ngrok-ingress/ingress.ts";
import { connect, registerClient, TOKEN } from "../oauth/harness.ts";
import {
  launchProgram,
  type Program,
  type ProgramOptions,
  ROOT,
  runProgram,
  startProgram,
} from "../program.ts";
import { AUTHTOKEN } from "./open-tunnel.ts";
import { exposeThroughNgrok } from "./through-ngrok.ts";

setDefaultTimeout(90_000);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "mcp-expose-tunnel-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function start(words: readonly string[], options: ProgramOptions = {}): Promise<Program> {
  const program = await startProgram([...words, fixture("obedient")], options);
  cleanups.push(program.stop);
  return program;
}

const NGROK = ["--auth", "none", "--yes-public"] as const;

async function startNgrok(
  words: readonly string[] = [],
  options: ProgramOptions = {},
  given: IngressOptions = {},
): Promise<{ ingress: Ingress; program: Program }> {
  const exposed = await exposeThroughNgrok([...NGROK, ...words, fixture("obedient")], options, given);
  cleanups.push(() => exposed[Symbol.asyncDispose]());
  return exposed;
}

/** Every process below this one. */
function descendants(pid: number): number[] {
  const { stdout } = Bun.spawnSync(["pgrep", "-P", String(pid)]);
  const children = stdout.toString().split("\n").filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function findAgent({ pid }: Program): number | undefined {
  return descendants(pid).find((each) => readProcess(each, "cmdline").includes("ngrok-agent"));
}

function readProcess(pid: number, what: "cmdline" | "environ"): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, "utf8");
  } catch {
    return "";
  }
}

function tunnelEvents({ events }: Program): TunnelEvent[] {
  return events.filter((event) => event.event === "tunnel");
}

describe("behind ngrok", () => {
  test("reports that the tunnel is up, down and back, as events and for people", async () => {
    const { ingress, program } = await startNgrok();
    expect(program.ready).toMatchObject({ tunnel: "ngrok", url: `${ingress.publicUrl}/mcp` });
    ingress.sessions[0]?.drop();
    await until("it is back", () => tunnelEvents(program).length === 3);
    const url = ingress.publicUrl;
    const soon = expect.any(Number);
    expect(tunnelEvents(program)).toEqual([
      { event: "tunnel", state: "up", url, roundTripMs: soon },
      {
        event: "tunnel",
        state: "down",
        reason: "The connection to ngrok broke.",
        since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        nextTryMs: soon,
      },
      { event: "tunnel", state: "up", url, roundTripMs: soon, downMs: soon },
    ]);
    const told = program.stderr();
    expect(told).toContain("Opening the ngrok tunnel.");
    expect(told).toMatch(/The tunnel is up: \S+ \(round trip \d+ ms\)/);
    expect(told).toMatch(
      /The tunnel has been down since \S+.*: The connection to ngrok broke\. Next try in \d\.\d s\./,
    );
    expect(told).toMatch(/The tunnel is back after \d+ s: \S+ \(round trip \d+ ms\)/);
  });

  test("stops with status 1 when the tunnel is lost for good, and says why", async () => {
    const { ingress, program } = await startNgrok();
    ingress.sessions[0]?.stopTunnel(ingress.binds[0]!.id, "Stopped.", "ERR_NGROK_701");
    expect(await program.exited).toBe(1);
    expect(tunnelEvents(program).at(-1)).toMatchObject({
      state: "failed",
      reason: expect.stringContaining("Stopped."),
    });
    expect(program.events.at(-1)).toEqual({ event: "stopped" });
  });

  test("found 32: a tunnel that is lost for good before the server has answered fails the start: `failed`, never `ready`", async () => {
    const ingress = await startIngress();
    cleanups.push(ingress.close);
    const hooks = { MCP_EXPOSE_NGROK_SERVER: ingress.server, MCP_EXPOSE_NGROK_CA: ingress.caFile };
    await using program = launchProgram([...NGROK, fixture("never-answers")], {
      env: { NGROK_AUTHTOKEN: AUTHTOKEN, ...hooks },
    });
    await until("the tunnel is up", () => program.stderr().includes("The tunnel is up"));
    ingress.sessions[0]?.stopTunnel(ingress.binds[0]!.id, "Stopped.", "ERR_NGROK_701");
    expect(await program.exited).toBe(1);
    expect(program.events[0]).toMatchObject({ event: "failed", reason: expect.stringContaining("Stopped.") });
    expect(program.events.map(({ event }) => event)).not.toContain("ready");
    // Once, as the program's last words.
    expect(program.stderr().match(/Stopped\./g)).toHaveLength(1);
  });

  test.each([
    ["NGROK_AUTHTOKEN", (env: Record<string, string>) => ({ ...env })],
    [
      "MCP_EXPOSE_NGROK_AUTHTOKEN",
      () => ({ NGROK_AUTHTOKEN: undefined, MCP_EXPOSE_NGROK_AUTHTOKEN: AUTHTOKEN }),
    ],
    ["ngrok.yml", () => ({ NGROK_AUTHTOKEN: undefined, XDG_CONFIG_HOME: writeAgentConfig() })],
  ] as const)(
    "takes the authtoken from %s, and no process it starts shows it",
    async (_where, environment) => {
      const { ingress, program } = await startNgrok(["--verbose"], { env: environment({}) });
      expect(ingress.sessions[0]?.auth?.Extra.AuthToken).toBe(AUTHTOKEN);
      const children = descendants(program.pid);
      expect(children.length).toBeGreaterThanOrEqual(2);
      for (const child of children) {
        expect(readProcess(child, "cmdline").length).toBeGreaterThan(0);
        expect(readProcess(child, "cmdline") + readProcess(child, "environ")).not.toContain(AUTHTOKEN);
      }
      expect(program.stderr() + JSON.stringify(program.events)).not.toContain(AUTHTOKEN);
    },
  );

  function writeAgentConfig(): string {
    const folder = createFolder();
    mkdirSync(join(folder, "ngrok"));
    writeFileSync(join(folder, "ngrok/ngrok.yml"), `version: 3\nagent:\n  authtoken: ${AUTHTOKEN}\n`);
    return folder;
  }

  test("survives ten kills of the agent while calls run: each call ends, and nothing is left running", async () => {
    const { ingress, program } = await startNgrok();
    const session = await openSession(program.ready.url);
    const agents: number[] = [];
    const outcomes: string[] = [];
    for (let round = 0; round < 10; round++) {
      const agent = findAgent(program)!;
      agents.push(agent);
      const calls = Array.from({ length: 4 }, () => outcomeOf(session.call("sleep", { ms: 150 })));
      await until("the calls run", () => (ingress.sessions[0]?.mux.streamCount() ?? 0) > 4);
      const ups = tunnelEvents(program).filter(({ state }) => state === "up").length;
      process.kill(agent, "SIGKILL");
      outcomes.push(...(await Promise.all(calls)));
      await until(
        "it is back",
        () => tunnelEvents(program).filter(({ state }) => state === "up").length > ups,
      );
    }
    expect(outcomes).toHaveLength(40);
    expect(outcomes.filter((outcome) => outcome !== "answered" && outcome !== "cut off")).toEqual([]);
    expect(outcomes).toContain("cut off");
    expect(await outcomeOf(session.call("sleep", { ms: 1 }))).toBe("answered");
    expect(new Set(agents).size).toBe(10);
    expect(agents.filter(isAlive)).toEqual([]);
    const children = descendants(program.pid);
    expect(children.filter((pid) => readProcess(pid, "cmdline").includes("ngrok-agent"))).toHaveLength(1);
    expect(ingress.sessions).toHaveLength(1);
    expect(await program.stop()).toBe(0);
    expect(children.filter(isAlive)).toEqual([]);
  });

  async function outcomeOf(call: Promise<{ result?: unknown }>): Promise<string> {
    try {
      return (await call).result === undefined ? "no result" : "answered";
    } catch (thrown) {
      return /socket|connection|ECONNRESET/i.test(String(thrown)) ? "cut off" : String(thrown);
    }
  }

  test("ends its agent with itself, even when it is killed", async () => {
    const { ingress, program } = await startNgrok();
    const children = descendants(program.pid);
    process.kill(program.pid, "SIGKILL");
    await until("all are gone", () => !children.some(isAlive) && ingress.sessions.length === 0);
  });

  test("cancels a call at the server when its client has gone", async () => {
    const { program } = await startNgrok(["--process", "shared"]);
    const watching = await openSession(program.ready.url);
    const client = await openSseSession(program.ready.sse);
    await client.send({
      jsonrpc: "2.0",
      id: "abandoned",
      method: "tools/call",
      params: { name: "hold_silently", arguments: { key: 1 } },
    });
    const has = async (method: string, name?: string) =>
      (await readHistory(watching)).some(
        (each) => each.method === method && (name === undefined || each.params?.["name"] === name),
      );
    await until("the call has arrived", () => has("tools/call", "hold_silently"));
    expect(await has("notifications/cancelled")).toBeFalse();
    await client.close();
    await until("it is cancelled", () => has("notifications/cancelled"));
  });

  test("asks ngrok to admit one assistant only, before the person's own rules", async () => {
    const folder = createFolder();
    writeFileSync(join(folder, "policy.yml"), "on_http_request:\n  - actions: [{ type: log }]\n");
    const file = join(folder, "mcp-oauth.config.json");
    writeFileSync(file, JSON.stringify({ ngrok: { trafficPolicy: "policy.yml" } }));
    const { ingress } = await startNgrok(["--config", file, "--only", "claude"]);
    const policy = JSON.parse(String(ingress.binds[0]?.request.Opts["TrafficPolicy"])) as object;
    expect(policy).toEqual({
      on_http_request: [
        {
          name: "only claude",
          expressions: ["req.url.path != '/authorize'"],
          actions: [{ type: "restrict-ips", config: { enforce: true, allow: ["160.79.104.0/21"] } }],
        },
        { actions: [{ type: "log" }] },
      ],
    });
  });

  test("counts the month's requests across restarts, and warns once, at 80 % of the free plan", async () => {
    const home = createFolder();
    const file = join(home, "mcp-expose/tunnel-requests.json");
    const month = new Date().toISOString().slice(0, 7);
    mkdirSync(join(home, "mcp-expose"));
    writeFileSync(file, JSON.stringify({ month, requests: 15_998, warned: false }));
    const warning = "requests came through the tunnel this month. The free plan allows 20000.";
    const first = await startNgrok([], { env: { XDG_STATE_HOME: home } });
    await fetch(`${first.ingress.publicUrl}/healthz`);
    await fetch(first.program.ready.local.replace("/mcp", "/healthz"));
    expect(first.program.stderr()).not.toContain(warning);
    await fetch(`${first.ingress.publicUrl}/healthz`);
    await until("it warns", () => first.program.stderr().includes(`16000 ${warning}`));
    await first.program.stop();
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ month, requests: 16_000, warned: true });
    const second = await startNgrok([], { env: { XDG_STATE_HOME: home } });
    await fetch(`${second.ingress.publicUrl}/healthz`);
    await second.program.stop();
    expect(second.program.stderr()).not.toContain(warning);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ requests: 16_001 });
  });
});

describe("behind a program of the person's own", () => {
  const PATH = `${join(ROOT, "test/fixtures/bin")}:${process.env["PATH"]}`;
  const findStandIn = ({ pid }: Program, name: string) =>
    descendants(pid).filter(
      (each) =>
        readProcess(each, "cmdline").includes(`bin/${name}`) &&
        !readProcess(each, "cmdline").includes("sh\0-c"),
    )[0];

  test("answers GET with 405, because cloudflared would hold the stream back", async () => {
    const program = await start(["--tunnel", "cloudflared", "--auth", "none", "--yes-public"], {
      env: { PATH },
    });
    expect(program.ready.tunnel).toBe("cloudflared");
    expect(program.ready.url).toMatch(/^https:\/\/stand-in-\d+\.trycloudflare\.com\/mcp$/);
    const session = await openSession(program.ready.local);
    const stream = await session.listen();
    expect([stream.status, stream.headers.get("allow")]).toEqual([405, "POST, DELETE"]);
    expect((await fetch(program.ready.local.replace("/mcp", "/sse"))).status).toBe(405);
    expect((await session.call("pid")).result).toBeDefined();
  });

  test("warns that a new URL needs a new connector, and refuses tokens for the old one", async () => {
    const program = await start(["--tunnel", "cloudflared", "--token", TOKEN], { env: { PATH } });
    const local = program.ready.local.replace("/mcp", "");
    const client = await registerClient(local);
    const call = async (token: string) =>
      (await fetch(`${local}/mcp`, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } }))
        .status;
    const { access_token: old } = await connect(local, client, { resource: program.ready.url });
    expect(await call(old)).toBe(405);

    process.kill(findStandIn(program, "cloudflared")!, "SIGKILL");
    const isReady = ({ event }: { event: string }) => event === "ready";
    await until("there is another URL", () => program.events.filter(isReady).length === 2);
    const again = program.events.findLast(isReady) as Program["ready"];
    expect(again.url).not.toBe(program.ready.url);
    expect(again.issuer).toBe(again.url.replace("/mcp", ""));
    expect(tunnelEvents(program).at(-1)).toMatchObject({ state: "up", url: again.issuer, changed: true });
    expect(program.stderr()).toContain("THE PUBLIC URL HAS CHANGED. Remove the connector");
    expect(await call(old)).toBe(401);
    const { access_token: fresh } = await connect(local, client, { resource: again.url });
    expect(await call(fresh)).toBe(405);
    const metadata = (await (
      await fetch(`${local}/.well-known/oauth-protected-resource/mcp`)
    ).json()) as object;
    expect(metadata).toMatchObject({ resource: again.url });
  });

  test.each(["cloudflared", "tailscale"])("leaves no %s behind, even when it is killed", async (name) => {
    const program = await start(["--tunnel", name, "--auth", "none", "--yes-public"], { env: { PATH } });
    const children = descendants(program.pid);
    expect(findStandIn(program, name)).toBeDefined();
    process.kill(program.pid, "SIGKILL");
    await until("all are gone", () => !children.some(isAlive));
  });

  test("a missing program is reported at once, with status 2", async () => {
    const words = ["--tunnel", "tailscale", "--auth", "none", "--yes-public", fixture("obedient")];
    const { exitCode, stdout, stderr } = await runProgram(words, { env: { PATH: "/usr/bin:/bin" } });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain('"tailscale" is not on your PATH.');
  });
});

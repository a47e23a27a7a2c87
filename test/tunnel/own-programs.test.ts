// cloudflared and tailscale as the person's own programs: stand-ins on PATH that print and behave as the real ones do.
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { cloudflared } from "../../src/tunnel/program/cloudflared.ts";
import { tailscale } from "../../src/tunnel/program/tailscale.ts";
import { ROOT } from "../program.ts";
import { createWorkshop, refusalOf, until } from "./open-tunnel.ts";

setDefaultTimeout(60_000);

const TARGET = { host: "127.0.0.1", port: 4321 };

const workshop = createWorkshop();
let folder = "";
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "mcp-expose-programs-"))));
afterEach(async () => {
  await workshop.clean();
  await until(() => runs().every(({ pid }) => !isAlive(pid)), "no stand-in is left");
  rmSync(folder, { recursive: true });
});

const PROVIDERS = { cloudflared, tailscale };

function start(name: keyof typeof PROVIDERS, fate = "", timeout = 20_000) {
  const env = {
    PATH: `${join(ROOT, "test/fixtures/bin")}:${process.env["PATH"]}`,
    STAND_IN: fate,
    STAND_IN_LOG: join(folder, "runs"),
  };
  return PROVIDERS[name].create({ env, timing: workshop.timing, log: workshop.log, timeout });
}

/** Each run of a stand-in, with what it was given. */
function runs(): { pid: number; args: string[]; env: string[] }[] {
  try {
    const lines = readFileSync(join(folder, "runs"), "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line) as ReturnType<typeof runs>[number]);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("cloudflared", () => {
  test("is given a quick tunnel's arguments, and its URL counts once the connection is registered", async () => {
    const { url } = await workshop.open(start("cloudflared"), TARGET);
    const [run] = runs();
    expect(url).toBe(`https://stand-in-${run?.pid}.trycloudflare.com`);
    expect(cloudflared.capabilities).toMatchObject({
      stableUrl: false,
      streamsGet: false,
      account: false,
      maxRequests: 200,
    });
    expect(run?.args.join(" ")).toBe(
      `tunnel --no-autoupdate --config ${devNull} --protocol http2 --loglevel info ` +
        "--metrics 127.0.0.1:0 --grace-period 1s --url http://127.0.0.1:4321",
    );
    const lines = workshop.output();
    expect(lines.indexOf("Registered tunnel connection")).toBeGreaterThan(lines.indexOf(url));
  });

  test("is left alone when it loses its connection, and keeps its URL", async () => {
    const { url, recorded, next } = await workshop.open(start("cloudflared"), TARGET);
    const up = next("up");
    process.kill(runs()[0]!.pid, "SIGUSR1");
    expect(await up).toEqual({ up: { url } });
    expect(recorded[0]).toMatchObject({
      down: { reason: "cloudflared has lost its connection to Cloudflare" },
    });
    expect(runs()).toHaveLength(1);
  });

  test("is started again when it is killed, and comes with another URL", async () => {
    const { url, next } = await workshop.open(start("cloudflared"), TARGET);
    const up = next("up");
    process.kill(runs()[0]!.pid, "SIGKILL");
    const { up: again } = await up;
    expect(again.url).not.toBe(url);
    expect(again.url).toBe(`https://stand-in-${runs()[1]?.pid}.trycloudflare.com`);
  });

  test.each([
    ["no-network", "no such host", "port 7844"],
    ["too-many", "429 Too Many Requests", "Wait a few minutes and try again"],
  ])("that does not open fails with its last output and advice (%s)", async (fate, output, advice) => {
    const { message, hint, exitCode } = await refusalOf(workshop.open(start("cloudflared", fate), TARGET));
    expect(message).toStartWith("cloudflared ended with status 1. Its last output:");
    expect(message).toContain(output);
    expect(hint).toContain(advice);
    expect(exitCode).toBe(1);
  });

  test("that prints a URL and never connects is given up", async () => {
    const { message } = await refusalOf(workshop.open(start("cloudflared", "silent", 700), TARGET));
    expect(message).toStartWith("cloudflared did not open a tunnel within 0.7 s");
  });

  test("that does not end when it is asked to is killed", async () => {
    const { tunnel } = await workshop.open(start("cloudflared", "stubborn"), TARGET);
    await tunnel.close();
    expect(isAlive(runs()[0]!.pid)).toBeFalse();
  });
});

describe("tailscale", () => {
  test("is given Funnel's arguments, and its URL is the node's name", async () => {
    const { url } = await workshop.open(start("tailscale"), TARGET);
    expect(url).toBe("https://node.tail1234.ts.net");
    expect(runs()[0]?.args).toEqual(["funnel", "--yes", "http://127.0.0.1:4321"]);
    expect(tailscale.capabilities).toMatchObject({ stableUrl: true, streamsGet: true, takesSocket: false });
  });

  test("that needs permission to use Funnel shows where to give it, and waits for it", async () => {
    const warnings: string[] = [];
    const events = { up() {}, down() {}, failed() {}, warn: (text: string) => void warnings.push(text) };
    const opening = start("tailscale", "consent", 1_000)(TARGET, events, new AbortController().signal);
    await until(() => warnings.length > 0, "it asks");
    expect(warnings).toEqual([
      "Tailscale needs your permission to use Funnel. Open https://login.tailscale.com/f/funnel?node=nABCDEF",
    ]);
    process.kill(runs()[0]!.pid, "SIGUSR2");
    const tunnel = await opening;
    workshop.add(tunnel.close);
    expect(tunnel.url).toBe("https://node.tail1234.ts.net");
  });

  test.each([
    ["taken", "already exists", "tailscale funnel status"],
    ["denied", "Access denied", "--operator=$USER"],
    ["logged-out", "Logged out.", "tailscale up"],
  ])("that refuses fails with its output and advice (%s)", async (fate, output, advice) => {
    const { message, hint, exitCode } = await refusalOf(workshop.open(start("tailscale", fate), TARGET));
    expect(message).toContain(output);
    expect(hint).toContain(advice);
    expect(exitCode).toBe(1);
  });

  test("that is killed is started again, under the same URL", async () => {
    const { url, next } = await workshop.open(start("tailscale"), TARGET);
    const up = next("up");
    process.kill(runs()[0]!.pid, "SIGKILL");
    expect(await up).toEqual({ up: { url } });
  });
});

test.each(["cloudflared", "tailscale"] as const)(
  "a missing %s is reported before anything is started",
  (name) => {
    const create = () =>
      PROVIDERS[name].create({ env: { PATH: "/nonexistent" }, timing: workshop.timing, log: workshop.log });
    expect(create).toThrow(
      expect.objectContaining({
        name: "UserError",
        exitCode: 2,
        message: `"${name}" is not on your PATH.`,
        hint: expect.stringContaining("Install it from https://"),
      }),
    );
  },
);

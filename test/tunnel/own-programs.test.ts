// cloudflared and tailscale as the person's own programs: stand-ins on PATH that print and behave as the real ones do.
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { createCloudflared } from "../../src/tunnel/program/cloudflared.ts";
import { createTailscale } from "../../src/tunnel/program/tailscale.ts";
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

const CREATE = { cloudflared: createCloudflared, tailscale: createTailscale };

function start(name: keyof typeof CREATE, fate = "", timeout = 20_000) {
  const env = {
    PATH: `${join(ROOT, "test/fixtures/bin")}:${process.env["PATH"]}`,
    STAND_IN: fate,
    STAND_IN_LOG: join(folder, "runs"),
  };
  return CREATE[name]({ env, around: workshop.around, log: workshop.log, timeout });
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
    const { tunnel, url } = await workshop.open(start("cloudflared"), TARGET);
    const [run] = runs();
    expect(url).toBe(`https://stand-in-${run?.pid}.trycloudflare.com`);
    expect(tunnel.capabilities).toEqual({
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
    const { url, told, next } = await workshop.open(start("cloudflared"), TARGET);
    const up = next("up");
    process.kill(runs()[0]!.pid, "SIGUSR1");
    expect(await up).toEqual({ up: { url } });
    expect(told[0]).toMatchObject({ down: { reason: "cloudflared has lost its connection to Cloudflare" } });
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
    ["too-many", "429 Too Many Requests", "try again in a few minutes"],
  ])("that does not open is told with its last words and advice (%s)", async (fate, words, advice) => {
    const { message, hint, exitCode } = await refusalOf(workshop.open(start("cloudflared", fate), TARGET));
    expect(message).toStartWith("cloudflared ended with status 1. It said:");
    expect(message).toContain(words);
    expect(hint).toContain(advice);
    expect(exitCode).toBe(1);
  });

  test("that prints a URL and never connects is given up", async () => {
    const { message } = await refusalOf(workshop.open(start("cloudflared", "silent", 700), TARGET));
    expect(message).toStartWith("cloudflared opened no tunnel within 0.7 s");
  });

  test("that does not end when it is asked to is killed", async () => {
    const { tunnel } = await workshop.open(start("cloudflared", "stubborn"), TARGET);
    await tunnel.close();
    expect(isAlive(runs()[0]!.pid)).toBeFalse();
  });
});

describe("tailscale", () => {
  test("is given Funnel's arguments, and its URL is the node's name", async () => {
    const { tunnel, url } = await workshop.open(start("tailscale"), TARGET);
    expect(url).toBe("https://node.tail1234.ts.net");
    expect(runs()[0]?.args).toEqual(["funnel", "--yes", "http://127.0.0.1:4321"]);
    expect(tunnel.capabilities).toEqual({ stableUrl: true, streamsGet: true, account: true });
  });

  test("that wants Funnel to be allowed first shows where, and waits for it", async () => {
    const notices: string[] = [];
    const events = { up() {}, down() {}, failed() {}, notice: (text: string) => void notices.push(text) };
    const opening = start("tailscale", "consent", 1_000)(TARGET, events, new AbortController().signal);
    await until(() => notices.length > 0, "it asks");
    expect(notices).toEqual([
      "Tailscale wants Funnel to be allowed first. Open https://login.tailscale.com/f/funnel?node=nABCDEF",
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
  ])("that refuses is told with its words and advice (%s)", async (fate, words, advice) => {
    const { message, hint, exitCode } = await refusalOf(workshop.open(start("tailscale", fate), TARGET));
    expect(message).toContain(words);
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
  "a missing %s is told before anything is started",
  (name) => {
    const create = () =>
      CREATE[name]({ env: { PATH: "/nonexistent" }, around: workshop.around, log: workshop.log });
    expect(create).toThrow(
      expect.objectContaining({
        name: "UserError",
        exitCode: 2,
        message: `There is no "${name}" on your PATH.`,
        hint: expect.stringContaining("Install it from https://"),
      }),
    );
  },
);

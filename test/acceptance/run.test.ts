// One run of the program as a person or a script has it: what is printed, what ends it, what is left afterwards.
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { VERSION } from "../../src/version.ts";
import { createLoginRobot } from "../login-robot.ts";
import { startIngress, type IngressOptions } from "../ngrok-ingress/ingress.ts";
import { programEnvironment, programWords, runProgram, startProgram, type Program } from "../program.ts";
import { createMemoryProvider } from "./memory-provider.ts";
import { isGroupAlive } from "./process-group.ts";
import { connectV1, type ProviderV1 } from "./sdk-clients.ts";
import { until } from "./until.ts";
import { EVERYTHING } from "./wrapped-servers.ts";

setDefaultTimeout(60_000);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const AUTHTOKEN = "2abcDEF_stand-in-authtoken";
const NGROK = ["--tunnel", "ngrok", "--ngrok-authtoken", AUTHTOKEN];

/** The environment in which the program finds a stand-in of ngrok. */
async function standIn(options?: IngressOptions): Promise<Record<string, string>> {
  const ingress = await startIngress(options);
  cleanups.push(ingress.close);
  return { MCP_EXPOSE_NGROK_SERVER: ingress.server, MCP_EXPOSE_NGROK_CA: ingress.caFile };
}

/** Numbers of the wrapped server's process groups, one for each process that was started. */
function groupsOf({ events }: Program): number[] {
  return events.flatMap((event) =>
    event.event === "child" && event.state === "started" && event.pid !== undefined ? [event.pid] : [],
  );
}

describe("the end", () => {
  /** Starts the program; what it should have ended and has not is killed after the test. */
  async function start(words: readonly string[]): Promise<Program> {
    const program = await startProgram(words);
    cleanups.push(() =>
      groupsOf(program)
        .filter(isGroupAlive)
        .forEach((group) => process.kill(-group, "SIGKILL")),
    );
    cleanups.push(program.stop);
    return program;
  }

  test("Ctrl+C with a client connected: status 0 within seconds, and nothing is left running", async () => {
    const words = ["--tunnel", "none", "--token", "paste-me-please", "--", "npx", "-y"];
    const program = await start([...words, "@modelcontextprotocol/server-everything"]);
    const provider: ProviderV1 = createMemoryProvider(createLoginRobot({ token: "paste-me-please" }));
    const client = await connectV1(program.ready.url, provider);
    cleanups.push(() => client.close());
    expect(groupsOf(program).filter(isGroupAlive)).not.toBeEmpty();

    const pressed = performance.now();
    process.kill(program.pid, "SIGINT");
    expect(await program.exited).toBe(0);
    expect(performance.now() - pressed).toBeLessThan(5_000);
    expect(program.events.at(-1)).toEqual({ event: "stopped" });
    await until("every group has ended", () => !groupsOf(program).some(isGroupAlive));
    expect(await fetch(program.ready.url).catch(() => "nobody there")).toBe("nobody there");
  });

  test("a second Ctrl+C does not wait for a server that will not end: status 130, and that one is gone, too", async () => {
    const program = await start(["--tunnel", "none", join(import.meta.dir, "stubborn-server.ts")]);
    process.kill(program.pid, "SIGINT");
    await until("it says so", () => program.stderr().includes("Press Ctrl+C again to stop at once."));
    expect(groupsOf(program).filter(isGroupAlive)).not.toBeEmpty();
    process.kill(program.pid, "SIGINT");
    expect(await program.exited).toBe(130);
    expect(program.events.map(({ event }) => event)).not.toContain("stopped");
    await until("the group has ended", () => !groupsOf(program).some(isGroupAlive));
  });

  test("one Ctrl+C ends a server that will not end, and the status is 0", async () => {
    const program = await start(["--tunnel", "none", join(import.meta.dir, "stubborn-server.ts")]);
    process.kill(program.pid, "SIGINT");
    expect(await program.exited).toBe(0);
    await until("the group has ended", () => !groupsOf(program).some(isGroupAlive));
  });
});

describe("what is printed", () => {
  test("url=$(mcp-expose … | head -1): the connector URL alone, and the server lives on without a reader", async () => {
    const { url, firstLine } = await runIntoHead([]);
    expect(firstLine).toBe(url);
  });

  test("--json: the first line has the URL, and the server lives on when no one reads the others", async () => {
    const { url, firstLine } = await runIntoHead(["--json"]);
    expect(JSON.parse(firstLine)).toMatchObject({ event: "ready", url });
  });

  /** Runs the program with `| head -1` behind it, uses it, and presses Ctrl+C. */
  async function runIntoHead(words: readonly string[]): Promise<{ url: string; firstLine: string }> {
    const script = `line=$(sh -c 'echo "pid $$" >&2; exec "$@"' sh "$@" | head -1); printf %s "$line"`;
    const local = ["--port", "0", "--tunnel", "none", "--store", "memory"];
    const shell = Bun.spawn(["sh", "-c", script, "sh", ...programWords(), ...words, ...local, EVERYTHING], {
      env: programEnvironment(),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    let stderr = "";
    const reading = (async () => {
      for await (const chunk of shell.stderr) stderr += Buffer.from(chunk).toString();
    })();
    await until("the banner is there", () => stderr.includes("codex mcp add"));
    const pid = Number(/^pid (\d+)$/m.exec(stderr)?.[1]);
    cleanups.push(() => shell.exitCode === null && process.kill(pid, "SIGKILL"));
    const url = /^URL +(\S+)$/m.exec(stderr)?.[1] ?? "";
    // The first request may be the one that shows the closed pipe; the second is answered even so.
    for (const count of [1, 2]) {
      expect((await fetch(url)).status).toBe(401);
      await until("it is reported", () => stderr.split("GET  /mcp 401").length > count);
    }
    process.kill(pid, "SIGINT");
    const firstLine = await new Response(shell.stdout).text();
    await Promise.all([reading, shell.exited]);
    return { url, firstLine };
  }

  test("found 25: --json: the ready line has everything that the interface promises, and no secret that was given", async () => {
    const env = await standIn({ urlOf: (domain) => `https://${domain}` });
    const client = ["--client-id", "my-app", "--client-secret", "tulpe-9-veranda-kreide"];
    const words = [...NGROK, ...client, "--token", "paste-me-please", EVERYTHING];
    await using program = await startProgram(words, { env });
    const port = new URL(program.ready.local).port;
    expect(program.events[0]).toBe(program.ready);
    expect(program.ready).toMatchObject({
      event: "ready",
      url: "https://stand-in.ngrok-free.dev/mcp",
      sse: "https://stand-in.ngrok-free.dev/sse",
      local: `http://127.0.0.1:${port}/mcp`,
      issuer: "https://stand-in.ngrok-free.dev",
      tunnel: "ngrok",
      inspector: null,
      auth: "oauth",
      credential: { kind: "token", token: "paste-me-please" },
      clients: [{ client_id: "my-app" }],
    });
    expect(JSON.stringify(program.events) + program.stderr()).not.toContain("tulpe-9-veranda-kreide");
    expect((await fetch(program.ready.readyz)).status).toBe(200);
  });

  test("on the internet the banner has the way in, both assistants, and two commands to paste", async () => {
    const env = await standIn({ urlOf: (domain) => `https://${domain}` });
    expect(await readBanner([...NGROK, "--token", "paste-me-please", EVERYTHING], env)).toBe(`
mcp-expose ${VERSION} has put server-everything online

URL      https://stand-in.ngrok-free.dev/mcp
Token    paste-me-please  (paste it on the approval page)

ChatGPT  Settings → Security and login → Developer mode: on
         chatgpt.com/plugins → + → paste the URL → Create, approve
Claude   Settings → Connectors → Add custom connector
         paste the URL → Add → Connect, approve

$ claude mcp add --transport http server-everything https://stand-in.ngrok-free.dev/mcp
$ codex mcp add server-everything --url https://stand-in.ngrok-free.dev/mcp

On ngrok's free plan your browser first shows a notice: press "Visit Site".
`);
  });

  test("found 25: a client's secret that a person gave is not printed back", async () => {
    const client = ["--client-id", "my-app", "--client-secret", "tulpe-9-veranda-kreide"];
    const banner = await readBanner(["--tunnel", "none", ...client, EVERYTHING]);
    expect(banner).toContain("\nClient   my-app\n");
    expect(banner).not.toContain("tulpe-9-veranda-kreide");
    expect(banner).not.toContain("Secret");
  });

  test("on this machine the banner says that it is not on the internet, and how to change that", async () => {
    const banner = await readBanner(["--tunnel", "none", "--token", "paste-me-please", EVERYTHING]);
    expect(banner.replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")).toBe(`
mcp-expose ${VERSION} is serving server-everything on this machine

URL      http://127.0.0.1:PORT/mcp
Token    paste-me-please  (paste it on the approval page)

It is not on the internet. For a public URL, set NGROK_AUTHTOKEN (dashboard.ngrok.com), or use --tunnel cloudflared, or --public-url with your own proxy.

$ claude mcp add --transport http server-everything http://127.0.0.1:PORT/mcp
$ codex mcp add server-everything --url http://127.0.0.1:PORT/mcp
`);
  });

  /** From the empty line before the banner to the one after it. */
  async function readBanner(words: readonly string[], env?: Record<string, string>): Promise<string> {
    await using program = await startProgram(words, { ...(env && { env }) });
    await until("the banner is there", () => /codex mcp add[^]*\n\n/.test(program.stderr()));
    const text = program.stderr();
    return /\nmcp-expose [^]*/.exec(text)?.[0].replace(/\n\n$/, "\n") ?? text;
  }
});

describe("a tunnel that ngrok refuses", () => {
  test.each(["ERR_NGROK_105", "ERR_NGROK_107"] as const)(
    "%s: the advice and status 1, and the authtoken is nowhere in it",
    async (refuseAuthtoken) => {
      const env = await standIn({ refuseAuthtoken });
      const { exitCode, stdout, stderr } = await runProgram(
        [...NGROK, "--verbose", "--store", "memory", EVERYTHING],
        { env },
      );
      expect(exitCode).toBe(1);
      expect(stdout).toBe("");
      expect(stderr).toContain(`(${refuseAuthtoken}).`);
      expect(stderr).toContain("https://dashboard.ngrok.com/get-started/your-authtoken");
      expect(stderr).not.toContain(AUTHTOKEN);
    },
  );

  test("a domain that stays online elsewhere: after 30 s says which and what to do, status 1; the other one stays up", async () => {
    const env = await standIn({ domains: ["taken.ngrok-free.dev"] });
    const words = ["--domain", "taken.ngrok-free.dev", "--store", "memory", EVERYTHING];
    const first = await startProgram([...NGROK, ...words], { env });
    cleanups.push(first.stop);
    const { exitCode, stdout, stderr } = await runProgram([...NGROK, "--json", "--port", "0", ...words], {
      env,
      deadline: 50_000,
    });
    expect(exitCode).toBe(1);
    expect(stdout).not.toContain('"event":"ready"');
    expect(JSON.parse(stdout.split("\n")[0] ?? "")).toEqual({
      event: "failed",
      reason: expect.stringContaining('"taken.ngrok-free.dev" is already online'),
      advice: expect.stringContaining("https://dashboard.ngrok.com/endpoints"),
    });
    expect(stderr).toContain('"taken.ngrok-free.dev" is already online');
    expect(stderr).toContain("https://dashboard.ngrok.com/endpoints");
    expect((await fetch(first.ready.url)).status).toBe(401);
  }, 60_000);
});

// Where the program listens, and what it says when it cannot.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Ready } from "../../src/app/app.ts";
import { createHttpServer } from "../../src/http/http-server.ts";
import { UserError } from "../../src/errors.ts";
import { programEnvironment, programWords, runProgram } from "../program.ts";
import { expose, fixture, OPEN } from "../eras/wire.ts";

test("a chosen port that is taken is an error, and nothing is started", async () => {
  await using taken = await expose("obedient");
  const { port } = new URL(taken.ready.url);
  const words = [...OPEN, "--port", port, fixture("obedient")];
  const { exitCode, stdout, stderr } = await runProgram(words);
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(`Port ${port} is in use.`);
  expect(stderr).toContain("--port");
  expect(stderr).not.toMatch(/^\s+at /m);
  const told = await runProgram(["--json", ...words]);
  expect([told.exitCode, JSON.parse(told.stdout)]).toEqual([
    2,
    { event: "failed", reason: `Port ${port} is in use.`, advice: expect.stringContaining("--port") },
  ]);
});

test("without a port, the next free one is taken", async () => {
  const listeners = [1, 2, 3].map(() => createHttpServer({ host: "127.0.0.1", port: null }));
  const ports = listeners.map(({ port }) => port);
  await Promise.all(listeners.map((listener) => listener.stop()));
  expect(new Set(ports).size).toBe(3);
  expect(ports[0]).toBeGreaterThanOrEqual(8787);
  expect(ports.toSorted((a, b) => a - b)).toEqual(ports);
});

describe("found 15: when the usual port is taken", () => {
  let squatter: { stop(): unknown } | undefined;
  beforeAll(() => {
    try {
      squatter = Bun.listen({ hostname: "127.0.0.1", port: 8787, socket: { data() {} } });
    } catch {
      // Another program on this machine has it already, which is as good.
    }
  });
  afterAll(() => void squatter?.stop());

  test("behind a proxy of one's own that is an error: status 2, nothing started", async () => {
    const words = ["--public-url", "https://mcp.example.com", "--store", "memory", fixture("obedient")];
    const { exitCode, stdout, stderr } = await runProgram(words);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("Port 8787 is in use.\n  Your proxy sends people there");
  });

  test("without one the other port is reported, in one line", async () => {
    const words = [...programWords(), "--json", ...OPEN, fixture("obedient")];
    const child = Bun.spawn(words, { env: programEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
    try {
      const { value } = await child.stdout.getReader().read();
      const { local } = JSON.parse(Buffer.from(value!).toString().split("\n")[0]!) as Ready;
      const { port } = new URL(local);
      expect(port).not.toBe("8787");
      child.kill("SIGTERM");
      const said = (await child.stderr.text()).split("\n").filter((line) => line.includes("8787"));
      expect(said).toEqual([`· Port 8787 is in use; listening on ${port} instead.`]);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  });
});

test("an address of another machine is an error that says so", () => {
  const attempt = () => createHttpServer({ host: "192.0.2.1", port: 0 });
  expect(attempt).toThrow(UserError);
  expect(attempt).toThrow('"192.0.2.1" is not an address of this machine.');
});

test("a request before there is a handler is answered 503 with Retry-After", async () => {
  const listener = createHttpServer({ host: "127.0.0.1", port: 0 });
  const early = await fetch(`http://127.0.0.1:${listener.port}/mcp`);
  expect([early.status, early.headers.get("retry-after")]).toEqual([503, "1"]);
  listener.serve(() => new Response("served"));
  expect(await (await fetch(`http://127.0.0.1:${listener.port}/mcp`)).text()).toBe("served");
  await listener.stop();
});

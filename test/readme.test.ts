// Every command in the README, as it stands there, in a folder where the package is installed from its
// tarball. Settings that a test needs (no tunnel, a free port) come from the environment.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { until } from "./acceptance/until.ts";
import { isRunning, listDescendants } from "./faults/machine.ts";
import { PLAIN_PATH, ROOT, TARBALL } from "./packaging/shipped.ts";

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const COMMANDS = [...README.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
  block!.trim().split("\n"),
);
const TIMEOUT = 90_000;

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "mcp-expose-readme-"));
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  writeFileSync(join(folder, "server.js"), SERVER_JS);
  writeFileSync(join(folder, "server.py"), SERVER_PY);
  // There is no image of a server here; the program starts any command that is called docker.
  writeFileSync(join(folder, "docker"), `#!/bin/sh\nexec node "${folder}/server.js"\n`);
  chmodSync(join(folder, "docker"), 0o755);
  const { status, output } = await runToEnd(
    `npm install --prefer-offline --no-audit --no-fund '${TARBALL}'`,
    folder,
  );
  if (status !== 0) throw new Error(`npm install failed: ${output}`);
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("there are commands to try, and two of them set a fresh machine up", () => {
  expect(COMMANDS.length).toBeGreaterThan(10);
  expect(COMMANDS.slice(0, 2).every((command) => command.startsWith("npm ci && "))).toBe(true);
  expect(README.split("\n").length).toBeLessThan(150);
});

test("CI calls the test command that the README names", () => {
  const command = COMMANDS.find((each) => each.endsWith("npm test"));
  const script = readFileSync(join(ROOT, ".ci/run"), "utf8");
  for (const step of command!.split(" && ")) expect(script).toMatch(new RegExp(`^${step}\\b`, "m"));
});

const RUNNING = COMMANDS.filter(
  (command) => /^(?:npm ci && npm start|npx mcp-expose|bunx mcp-expose)/.test(command) && !ends(command),
);
const ENDING = COMMANDS.filter(ends);

test("none of them is left out", () => {
  expect([...RUNNING, ...ENDING, "npm ci && npm test"].sort()).toEqual([...COMMANDS].sort());
});

test.each(RUNNING)(
  "%s",
  async (command) => {
    const inCheckout = command.startsWith("npm ci && ");
    const child = start(inCheckout ? command.replace("npm ci && ", "") : command, inCheckout ? ROOT : folder);
    const started = () => [child.pid, ...listDescendants(child.pid)];
    let all: number[] = [];
    try {
      const ready = await firstJson(child.stdout);
      expect(ready).toMatchObject({ event: "ready", auth: "oauth" });
      all = started();
      child.kill("SIGTERM");
      await until("found 27: nothing of it is left", () => !all.some(isRunning));
    } finally {
      for (const pid of new Set([...all, ...started()].filter(isRunning))) process.kill(pid, "SIGKILL");
    }
  },
  TIMEOUT,
);

test.each(ENDING)(
  "%s",
  async (command) => {
    const { status, output } = await runToEnd(command, folder, "a password\n");
    expect(status, output).toBe(0);
    expect(output).not.toContain("This is a bug");
  },
  TIMEOUT,
);

/** Commands that end by themselves. */
function ends(command: string): boolean {
  return /^npx mcp-expose (?:--help|hash-password|grants)\b/.test(command);
}

function start(command: string, cwd: string, input = "") {
  return Bun.spawn(["/bin/sh", "-c", `exec ${command}`], {
    cwd,
    env: {
      HOME: process.env["HOME"] ?? "",
      PATH: [
        folder,
        PLAIN_PATH,
        ...(/^(?:bunx|npm start)/.test(command)
          ? [dirname(process.execPath), join(ROOT, "node_modules/.bin")]
          : []),
      ].join(":"),
      npm_config_prefer_offline: "true",
      MCP_EXPOSE_JSON: "true",
      MCP_EXPOSE_PASSWORD: "a password",
      MCP_EXPOSE_PORT: "0",
      MCP_EXPOSE_STORE: join(folder, "state.db"),
      ...(/grants|hash-password/.test(command) ? {} : { MCP_EXPOSE_TUNNEL: "none" }),
    },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function runToEnd(
  command: string,
  cwd: string,
  input = "",
): Promise<{ status: number; output: string }> {
  const child = start(command, cwd, input);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, output: stdout + stderr };
}

/** The first line that is an object: npm says something before it. */
async function firstJson(stream: ReadableStream<Uint8Array>): Promise<unknown> {
  let text = "";
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString();
    const line = text
      .split("\n")
      .slice(0, -1)
      .find((each) => each.startsWith("{"));
    if (line !== undefined) return JSON.parse(line);
  }
  throw new Error(`it ended before it was ready: ${text}`);
}

const SERVER_JS = `
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { id } = JSON.parse(line);
  if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "Not that." } }));
}
`;

const SERVER_PY = `
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        error = {"code": -32601, "message": "Not that."}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}), flush=True)
`;

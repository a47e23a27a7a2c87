// bin/mcp-expose.js by itself: it finds a runtime, passes signals and hands back how the program ended.
// The program is a small one in its place that tells which signals reach it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { isRunning } from "../faults/machine.ts";
import { createFolder, type Folder, NODE, PLAIN_PATH, ROOT, run } from "./shipped.ts";

const PROGRAM = `
  for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"]) process.on(signal, () => {
    console.log(signal);
    if (signal !== "SIGINT") process.exit(7);
  });
  if (process.argv[2] === "die") process.kill(process.pid, "SIGKILL");
  const seen = [process.env.FROM_FOLDER, globalThis.preloaded];
  console.log("arguments " + JSON.stringify(process.argv.slice(2)) + " seen " + JSON.stringify(seen) + " process " + process.pid);
  setInterval(() => {}, 1000);
`;
/** Where the launcher looks last; its folder has no node_modules. */
const PATH = `${join(ROOT, "node_modules/.bin")}:${PLAIN_PATH}`;

let folder: Folder;
let launcher: string;

beforeAll(async () => {
  folder = await createFolder();
  launcher = join(folder.path, "bin/mcp-expose.js");
  await cp(join(ROOT, "bin"), join(folder.path, "bin"), { recursive: true });
  await Bun.write(join(folder.path, "package.json"), '{ "type": "module" }');
  await Bun.write(join(folder.path, "dist/cli.js"), PROGRAM);
  await Bun.write(join(folder.path, "here/.env"), "FROM_FOLDER=1\n");
  await Bun.write(join(folder.path, "here/bunfig.toml"), 'preload = ["./preload.ts"]\n');
  await Bun.write(join(folder.path, "here/preload.ts"), "globalThis.preloaded = 1;\n");
});

afterAll(() => folder?.[Symbol.asyncDispose]());

test("without any Bun the launcher says how to get one", async () => {
  const { status, stderr } = await run([NODE, launcher], folder.path, { PATH: "" });
  expect(status).toBe(1);
  expect(stderr).toContain("install Bun (https://bun.com)");
  expect(stderr).not.toContain("    at ");
});

test("a Bun on PATH serves, and arguments arrive as they are", async () => {
  const { child, output } = start(["--env", "A=b c", "--", "*"]);
  expect(await until(output, /arguments (.*) seen/)).toBe('["--env","A=b c","--","*"]');
  child.kill("SIGTERM");
  await child.exited;
});

test.each(["SIGTERM", "SIGHUP"] as const)(
  "%s is passed on, and the program's status handed back",
  async (signal) => {
    const { child, output } = start();
    await until(output, /process (\d+)/);
    child.kill(signal);
    expect(await child.exited).toBe(7);
    expect(output()).toEndWith(`${signal}\n`);
  },
);

test("SIGINT from a script is passed on, each one", async () => {
  const { child, output } = start();
  await until(output, /process (\d+)/);
  child.kill("SIGINT");
  await until(output, /(SIGINT\n)$/);
  child.kill("SIGINT");
  await until(output, /(SIGINT\nSIGINT\n)$/);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(7);
});

test("Ctrl+C in a terminal reaches the program once", async () => {
  let text = "";
  const data = (_: unknown, bytes: Uint8Array) => void (text += new TextDecoder().decode(bytes));
  const child = Bun.spawn([NODE, launcher], { cwd: folder.path, env: { PATH }, terminal: { data } });
  await until(() => text, /process (\d+)/);
  child.terminal?.write("\x03");
  await until(() => text, /(SIGINT)/);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(7);
  expect(text.match(/SIG\w+/g)).toEqual(["SIGINT", "SIGTERM"]);
});

test("a program that dies by a signal takes the launcher with it by the same one", async () => {
  const { child } = start(["die"]);
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
});

test("the program does not outlive a launcher that is killed", async () => {
  const { child, output } = start();
  const pid = await until(output, /process (\d+)/);
  child.kill("SIGKILL");
  await poll("the program ends", async () => (isRunning(Number(pid)) ? undefined : true));
});

/** What can replace a process: Bun, and Node from 22.15 on. */
const REPLACING = [process.execPath, ...((await canReplace(NODE)) ? [NODE] : [])];

test.each(REPLACING)("found 27: run by %s, the launcher becomes the program", async (runtime) => {
  const { child, output } = start([], { words: [runtime, launcher] });
  expect(await until(output, /process (\d+)/)).toBe(String(child.pid));
  child.kill("SIGTERM");
  expect(await child.exited).toBe(7);
});

test.each([
  [["--env-file", "no-such-file"]],
  [["--env-file=here/.env"]],
  [["./server.js", "--env-file-if-exists", "here/.env"]],
])("found 28: %j is the program's, not Node's", async (args) => {
  const { child, output } = start(args, { words: [launcher] });
  expect(await until(output, /arguments (.*) seen/)).toBe(JSON.stringify(args));
  expect(await until(output, /seen (.*) process/)).toBe("[null,null]");
  child.kill("SIGTERM");
  await child.exited;
});

test("found 21: on Bun alone, neither the .env nor the bunfig.toml of the current folder reaches the program", async () => {
  const words = [process.execPath, launcher];
  const { child, output } = start([], { words, cwd: join(folder.path, "here") });
  expect(await until(output, /seen (.*) process/)).toBe("[null,null]");
  child.kill("SIGTERM");
  await child.exited;
});

interface Start {
  /** What runs the launcher, and the launcher. */
  words?: string[];
  cwd?: string;
  env?: Record<string, string>;
}

function start(args: string[] = [], { words = [NODE, launcher], cwd = folder.path, env }: Start = {}) {
  const child = Bun.spawn([...words, ...args], {
    cwd,
    env: { PATH, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  const collect = async () => {
    for await (const chunk of child.stdout) text += new TextDecoder().decode(chunk);
  };
  void collect();
  return { child, output: () => text };
}

async function canReplace(node: string): Promise<boolean> {
  return (await run([node, "--print", "typeof process.execve"], ROOT)).stdout.trim() === "function";
}

/** What the pattern's first group finds in the output, as soon as it does. */
function until(output: () => string, pattern: RegExp): Promise<string> {
  return poll(String(pattern), async () => pattern.exec(output())?.[1]);
}

async function poll<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await Bun.sleep(10);
  }
  throw new Error(`in vain until the deadline: ${what}`);
}

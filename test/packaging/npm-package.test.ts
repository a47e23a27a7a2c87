// The npm package, as `npm pack` makes it, installed by plain npm where nobody has Bun.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../acceptance/until.ts";
import { isRunning, listDescendants } from "../faults/machine.ts";
import {
  createFolder,
  createHostileFolder,
  type Folder,
  NODE,
  PLAIN_PATH,
  READS_SETTINGS,
  ROOT,
  run,
  TARBALL,
  VERSION,
} from "./shipped.ts";

const SERVER = join(ROOT, "test/fixtures/servers/obedient.ts");

let installed: Folder;
let launcher: string;

beforeAll(async () => {
  installed = await createFolder();
  await Bun.write(join(installed.path, "package.json"), '{ "private": true, "type": "module" }\n');
  const npm = ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", TARBALL];
  const { status, stderr } = await run(npm, installed.path);
  if (status !== 0) throw new Error(`npm install failed: ${stderr}`);
  launcher = join(installed.path, "node_modules/mcp-expose/bin/mcp-expose.js");
}, 240_000);

afterAll(() => installed?.[Symbol.asyncDispose]());

test("the package holds what it needs and nothing else", async () => {
  const { stdout } = await run(["tar", "-tzf", TARBALL], installed.path);
  const files = stdout
    .trim()
    .split("\n")
    .map((file) => file.replace("package/", ""));
  const unexpected = /^(?!bin\/|dist\/[\w-]+\.(?:js|d\.ts)$|LICENSE$|[A-Z]+\.md$|package\.json$)/;
  expect(files).toContain("bin/mcp-expose.js");
  expect(files).toContain("dist/cli.js");
  expect(files).toContain("LICENSE");
  expect(files.filter((file) => unexpected.test(file))).toEqual([]);
});

test("npx mcp-expose --version works on a machine that has Node and npm, but no Bun", async () => {
  const { status, stdout, stderr } = await run(["npx", "mcp-expose", "--version"], installed.path);
  expect({ status, stdout: stdout.trim() }, stderr).toEqual({ status: 0, stdout: VERSION });
});

test("the launcher starts the program in the same process when Bun runs it", async () => {
  const { status, stdout } = await run([process.execPath, launcher, "--version"], installed.path);
  expect([status, stdout.trim()]).toEqual([0, VERSION]);
});

test("neither the bunfig.toml nor the .env of the current folder reaches the program", async () => {
  await using folder = await createHostileFolder();
  const fromFolder = await run([NODE, launcher, ...READS_SETTINGS], folder.path);
  expect(fromFolder.stderr).not.toContain("banana");
  expect(await Bun.file(join(folder.path, "ran")).exists()).toBe(false);

  const fromEnvironment = await run([NODE, launcher, ...READS_SETTINGS], folder.path, {
    MCP_EXPOSE_PORT: "banana",
  });
  expect(fromEnvironment.status).toBe(2);
  expect(fromEnvironment.stderr).toContain("banana");
});

test.each([
  ["the source", () => join(ROOT, "src/main.ts")],
  ["the bundle", () => join(installed.path, "node_modules/mcp-expose/dist/cli.js")],
  ["the launcher", () => launcher],
])("found 21: nor the .env when Bun alone runs %s", async (_, file) => {
  await using folder = await createHostileFolder();
  const { status, stderr } = await run([process.execPath, file(), ...READS_SETTINGS], folder.path);
  expect(stderr).toStartWith('mcp-expose: There is no file "./no-such-server.js"');
  expect(status).toBe(2);
});

test("found 21: bunx on Bun alone reads no .env either", async () => {
  await using folder = await createHostileFolder();
  await using tools = await createFolder();
  for (const name of ["bun", "bunx"]) await symlink(process.execPath, join(tools.path, name));
  for (const name of ["env", "sh"]) await symlink(Bun.which(name)!, join(tools.path, name));
  await symlink(join(installed.path, "node_modules"), join(folder.path, "node_modules"));
  const { status, stderr } = await run(["bunx", "mcp-expose", ...READS_SETTINGS], folder.path, {
    PATH: tools.path,
  });
  expect(stderr).toStartWith('mcp-expose: There is no file "./no-such-server.js"');
  expect(status).toBe(2);
});

test("found 28: a wrong name behind --env-file is told by the program, on Node 20 too", async () => {
  const command = join(installed.path, "node_modules/.bin/mcp-expose");
  for (const words of [["--env-file", "wrong.env"], ["--env-file=wrong.env"]]) {
    const { status, stderr } = await run([command, "--tunnel", "none", ...words, "./x.js"], installed.path);
    expect(stderr).toMatch(/^mcp-expose: --env-file: there is no file ".*wrong\.env"\.\n/);
    expect(status).toBe(2);
  }
  // npx is a program of Node's, so what it is given is read before we are there: unless "--" stands in front.
  const npx = ["npx", "--", "mcp-expose", "--tunnel", "none", "--env-file", "wrong.env", "./x.js"];
  expect((await run(npx, installed.path)).stderr).toContain("mcp-expose: --env-file: there is no file");
});

test.each([
  ["npx", ["npx", "mcp-expose"]],
  ["bunx", [join(ROOT, "node_modules/.bin/bunx"), "mcp-expose"]],
])("found 27: SIGTERM to %s ends the launcher, the program and the server", async (_, command) => {
  await using started = await expose(command);
  started.child.kill("SIGTERM");
  await until("all of it is gone", () => !started.all.some(isRunning));
});

test.each([
  ["Node", () => [NODE, launcher]],
  ["Bun", () => [process.execPath, launcher]],
])("found 27: run on %s, it ends with an npm that started it, and outlives a shell", async (_, command) => {
  const shell = ["/bin/sh", "-c", '"$@" & wait', "sh"];
  await using ofNpm = await expose([...shell, ...command()], { npm_lifecycle_event: "npx" });
  await using ofShell = await expose([...shell, ...command()]);
  for (const { child } of [ofShell, ofNpm]) child.kill("SIGKILL");
  await Promise.all([ofShell.child.exited, ofNpm.child.exited]);
  await until("what npm started is gone", () => !ofNpm.all.some(isRunning));
  expect(ofShell.all.slice(1).every(isRunning)).toBe(true);
});

test.if(process.platform === "linux").each([
  ["Node", () => [NODE, launcher]],
  ["Bun", () => [process.execPath, launcher]],
])("found 27: run on %s, it ends with an npm that was gone before it could look", async (_, command) => {
  const script = 'setsid sh -c \'"$@" & echo $!; kill -9 $$\' sh "$@"';
  const words = ["--tunnel", "none", "--port", "0", "--store", "memory", "--quiet", SERVER];
  const env = { HOME: process.env["HOME"] ?? "", PATH: PLAIN_PATH, npm_lifecycle_event: "npx" };
  const all = ["/bin/sh", "-c", script, "sh", ...command(), ...words];
  const { stdout } = await run(all, installed.path, env);
  await until("it is gone", () => !isRunning(Number.parseInt(stdout, 10)));
});

test.if(process.platform === "linux")(
  "found 27: it ends with an npm that left the shell of its script behind",
  async () => {
    const inner = '"$@"; true';
    const npm = `const { exited } = Bun.spawn(process.argv.slice(1), { stdio: ["ignore", "inherit", "inherit"] }); await exited;`;
    const shell = ["/bin/sh", "-c", inner, "sh", process.execPath, launcher];
    await using started = await expose([process.execPath, "--eval", npm, ...shell], {
      npm_lifecycle_event: "start",
    });
    started.child.kill("SIGKILL");
    await until("all of it is gone", () => !started.all.some(isRunning));
  },
);

test.if(process.platform === "linux").each([
  // As a shell names the command that it starts.
  ["Node", () => [NODE, launcher], { _: "/usr/bin/nohup" }],
  ["Bun", () => [process.execPath, launcher], {}],
])("found 27: run on %s under nohup, it does not end with the terminal", async (_, command, env) => {
  await using started = await expose(["nohup", ...command()], env);
  started.child.kill("SIGHUP");
  for (let time = 0; time < 50; time++)
    expect((await fetch(new URL("/healthz", started.url))).status).toBe(200);
  started.child.kill("SIGTERM");
  expect(await started.child.exited).toBe(0);
});

/** Starts `mcp-expose` on a server, waits until it is ready, and ends all of it in the end. */
async function expose(command: string[], env: Record<string, string> = {}) {
  const words = [...command, "--tunnel", "none", "--port", "0", "--store", "memory", "--json", SERVER];
  const child = Bun.spawn(words, {
    cwd: installed.path,
    env: { HOME: process.env["HOME"] ?? "", PATH: PLAIN_PATH, ...env },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const { value } = await child.stdout.getReader().read();
  const told = Buffer.from(value!).toString();
  expect(told).toContain('"event":"ready"');
  const url = /"url":"([^"]+)"/.exec(told)?.[1] ?? "";
  const all = [child.pid, ...listDescendants(child.pid)];
  expect(all.length).toBeGreaterThan(2);
  const kill = async () => all.filter(isRunning).forEach((pid) => process.kill(pid, "SIGKILL"));
  return { child, all, url, [Symbol.asyncDispose]: kill };
}

test('a config file can import { defineConfig } from "mcp-expose", with its types', async () => {
  await Bun.write(
    join(installed.path, "mcp-oauth.config.ts"),
    `import { defineConfig } from "mcp-expose";
export default defineConfig({ port: 9000 });
// @ts-expect-error: a port is a number
defineConfig({ port: "9000" });
`,
  );
  const flags = ["--noEmit", "--strict", "--module", "nodenext", "--types", ""];
  const check = await run(
    [join(ROOT, "node_modules/.bin/tsc"), ...flags, "mcp-oauth.config.ts"],
    installed.path,
  );
  expect(check).toEqual({ status: 0, stdout: "", stderr: "" });

  const code = 'import { defineConfig } from "mcp-expose"; console.log(defineConfig({ port: 9000 }).port)';
  const { stdout } = await run([NODE, "--input-type=module", "-e", code], installed.path);
  expect(stdout.trim()).toBe("9000");
});

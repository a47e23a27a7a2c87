// The npm package, as `npm pack` makes it, installed by plain npm where nobody has Bun.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import {
  createFolder,
  createHostileFolder,
  type Folder,
  NODE,
  READS_SETTINGS,
  ROOT,
  run,
  TARBALL,
  VERSION,
} from "./shipped.ts";

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

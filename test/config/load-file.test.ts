import { describe, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { chmod, chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { findConfigFile, loadConfigFile } from "../../src/config/load-file.ts";
import { createFolder, runProgram } from "../cli/process.ts";

const ROOT = join(import.meta.dir, "../..");

async function load(name: string, text: string) {
  await using folder = await createFolder();
  return await loadConfigFile(await folder.write(name, text), folder.path, 500);
}

async function refusal(name: string, text: string): Promise<string> {
  return await load(name, text).then(
    () => "accepted",
    (thrown: Error & { hint?: string }) => `${thrown.message} ${thrown.hint}`,
  );
}

test.each([
  [
    "mcp-oauth.config.ts",
    'import { defineConfig } from "mcp-expose";\nconst port: number = 1;\nexport default defineConfig({ port });',
  ],
  [
    "mcp-oauth.config.mts",
    'import { type ConfigFile } from "mcp-expose";\nexport default { port: 1 } satisfies ConfigFile;',
  ],
  [
    "mcp-oauth.config.js",
    'import { defineConfig } from "mcp-expose";\nexport default defineConfig({ port: await Promise.resolve(1) });',
  ],
  ["mcp-oauth.config.mjs", "export default { port: 1 };"],
  ["mcp-oauth.config.json", '{\n  // a comment\n  "port": 1,\n}'],
])("%s is loaded", async (name, text) => {
  expect((await load(name, text)).values).toEqual({ port: 1 });
});

test("the nearest file upwards is found, TypeScript first", async () => {
  await using folder = await createFolder();
  const deep = join(folder.path, "a/b");
  await mkdir(deep, { recursive: true });
  const json = await folder.write("mcp-oauth.config.json", "{}");
  expect(findConfigFile(deep)).toBe(json);
  const ts = await folder.write("mcp-oauth.config.ts", "export default {};");
  expect(findConfigFile(deep)).toBe(ts);
  const nearer = await folder.write("a/mcp-oauth.config.json", "{}");
  expect(findConfigFile(deep)).toBe(nearer);
});

test("a file is named as seen from where one stands", async () => {
  await using folder = await createFolder();
  const path = await folder.write("mcp-oauth.config.json", "{}");
  const { name, folder: base } = await loadConfigFile(path, join(folder.path, "a"));
  expect(name).toBe("../mcp-oauth.config.json");
  expect(base).toBe(folder.path);
});

test("the example in the repository is valid", async () => {
  const { values } = await loadConfigFile(join(ROOT, "mcp-oauth.config.ts"), ROOT);
  expect(values).toEqual({});
});

test.each([
  ["x.ts", "export default {\n  port: ,\n};", /^x\.ts:2:9 cannot be loaded: Unexpected ,/],
  ["x.ts", '\nthrow new Error("no\\nway");', /^x\.ts:2:\d+ cannot be loaded: no /],
  ["x.json", '{\n  "port": 1\n  "host": 2\n}', /^x\.json:3:\d+ cannot be loaded:/],
  ["x.ts", "throw null;", /^x\.ts cannot be loaded: null/],
  ["x.ts", "export const port = 1;", /^x\.ts has no settings: its default export is missing/],
  ["x.ts", "export default () => ({});", /^x\.ts has no settings: its default export is a function/],
  ["x.json", "[]", /^x\.json has no settings: its default export is a list/],
  ["x.ts", "await new Promise(() => {}); export default {};", /^x\.ts has not finished loading after 0\.5 s/],
  ["x.ts", "export default { prot: 1 };", /^x\.ts has an unknown key "prot"\. Did you mean port\?/],
  [
    "x.ts",
    'export default { "public-url": 1 };',
    /^x\.ts has an unknown key "public-url"\. Did you mean publicUrl\?/,
  ],
  ["x.ts", "export default { user: [] };", /unknown key "user"\. Did you mean users\?/],
  ["x.json", '{ "__proto__": {} }', /unknown key "__proto__"/],
  ["x.json", '{ "constructor": {} }', /unknown key "constructor"/],
  ["x.ts", "export default { help: true };", /unknown key "help"/],
  ["x.ts", "export default { turbo: true };", /unknown key "turbo"/],
  ["x.ts", "export default { server: [] };", /^server in x\.ts is not a command/],
  ["x.ts", "export default { server: [1] };", /^server in x\.ts is not a command/],
  ["x.ts", "export default { users: {} };", /^users in x\.ts is not a list/],
  [
    "x.ts",
    'export default { users: [{ name: "a" }] };',
    /^users\[0\]\.passwordHash in x\.ts is not a password hash.*hash-password a/,
  ],
  [
    "x.ts",
    'export default { users: [{ name: "a", password: "hunter22" }] };',
    /^(?!.*hunter22)users\[0\].*unknown key "password"/,
  ],
  [
    "x.ts",
    'export default { users: [{ name: "a", passwordHash: "hunter22" }] };',
    /^(?!.*hunter22)users\[0\]\.passwordHash/,
  ],
])("%s with %j is refused with what is wrong", async (name, text, message) => {
  expect(await refusal(name, text)).toMatch(message);
});

test("a file that does not exist is refused", () => {
  expect(loadConfigFile("/nowhere/x.ts", "/nowhere")).rejects.toThrow('There is no config file "x.ts".');
});

describe("found 20: a config file that was only found", () => {
  const LEAVES_MARK = 'await Bun.write(`${import.meta.dir}/ran`, "");\nexport default { port: 1 };\n';
  const IS_ROOT = process.getuid?.() === 0;

  test("is not run when every user can change it, unless it is named", async () => {
    await using folder = await createFolder();
    const path = await folder.write("mcp-oauth.config.ts", LEAVES_MARK);
    await chmod(path, 0o646);
    const hasRun = () => Bun.file(join(folder.path, "ran")).exists();
    const { status, stderr } = await runProgram(["./x.js"], { cwd: folder.path });
    expect(stderr).toContain("can be changed by every user of this machine");
    expect([status, await hasRun()]).toEqual([2, false]);
    await runProgram(["--config", path, "./x.js"], { cwd: folder.path });
    expect(await hasRun()).toBeTrue();
  });

  test.skipIf(!IS_ROOT)("is not run when it is another user's", async () => {
    await using folder = await createFolder();
    await chown(await folder.write("mcp-oauth.config.ts", LEAVES_MARK), 12_345, 12_345);
    const { status, stderr } = await runProgram(["./x.js"], { cwd: folder.path });
    expect(stderr).toContain("belongs to another user");
    expect([status, await Bun.file(join(folder.path, "ran")).exists()]).toEqual([2, false]);
  });

  test("is looked at when it is opened, and what was looked at is what runs", async () => {
    await using folder = await createFolder();
    const own = await folder.write("mcp-oauth.config.ts", "export default { port: 8000 };\n");
    const evil = await folder.write("evil.ts", LEAVES_MARK);
    await chmod(evil, 0o646);
    const path = findConfigFile(folder.path)!;
    const loading = loadConfigFile(path, folder.path, 500, true);
    renameSync(evil, own);
    expect((await loading).values).toEqual({ port: 8000 });
    expect(loadConfigFile(path, folder.path, 500, true)).rejects.toThrow("every user of this machine");
    expect(await Bun.file(join(folder.path, "ran")).exists()).toBeFalse();
  });

  test("may import what lies beside it, and packages", async () => {
    await using folder = await createFolder();
    await folder.write("node_modules/dep/package.json", '{ "name": "dep", "main": "index.js" }');
    await folder.write("node_modules/dep/index.js", "module.exports = 7;");
    await folder.write("beside #1.ts", "export const port: number = 8000;");
    const text = `import { port } from "./beside #1.ts";\nimport dep from "dep";
      export default { port: port + dep, server: import.meta.dir };`;
    const path = await folder.write("mcp-oauth.config.ts", text);
    const { values } = await loadConfigFile(path, folder.path);
    expect(values).toEqual({ port: 8007, server: folder.path });
  });
});

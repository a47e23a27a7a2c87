// `npm test` itself, in a project of three files: what it makes, what it checks, and what it counts.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const PASSES = (imports: string) =>
  `import { expect, test } from "bun:test";\n${imports}\ntest("passes", () => expect(1).toBe(1));\n`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcp-expose-test-command-"));
  for (const name of ["scripts", "test/faults/machine.ts", ".oxlintrc.json", "tsconfig.json", "bunfig.toml"])
    await cp(join(ROOT, name), join(folder, name), { recursive: true });
  for (const name of ["audit.ts", "build.ts", "compile.ts", "declarations.ts", "soak.ts"])
    await rm(join(folder, "scripts", name), { force: true });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  // The linter follows links, but not into what git does not keep.
  await write(".gitignore", "node_modules\n");
  const manifest = { type: "module", scripts: { artifacts: "echo made >> made" } };
  await write("package.json", `${JSON.stringify(manifest, null, 2)}\n`);
  await write("test/packaging/artifacts.ts", 'export const BINARY = "";\n');
  await write("test/between.ts", 'export { BINARY } from "./packaging/artifacts.ts";\n');
  await write("test/plain.test.ts", PASSES(""));
  await write(
    "test/shipped.test.ts",
    PASSES('import { BINARY } from "./between.ts";\ntest("has it", () => expect(BINARY).toBe(""));'),
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("makes the shipped forms only for files that need them", async () => {
  expect(await runTests("plain")).toEqual({ last: "1 passed, 0 failed", status: 0 });
  expect(await isMade()).toBeFalse();
  expect(await runTests("shipped")).toEqual({ last: "2 passed, 0 failed", status: 0 });
  expect(await isMade()).toBeTrue();
});

test("checks format, lint and types in a whole run, and counts each", async () => {
  const whole = { last: "6 passed, 0 failed", status: 0 };
  expect(await runTests()).toEqual(whole);
  await write("test/checked.ts", 'export   let never: number = "one";\n');
  expect(await runTests()).toEqual({ last: "3 passed, 3 failed", status: 1 });
  expect((await runTests("plain")).status).toBe(0);
}, 60_000);

const write = (name: string, text: string) => Bun.write(join(folder, name), text);
const isMade = () => Bun.file(join(folder, "made")).exists();

async function runTests(...filters: string[]) {
  const child = Bun.spawn([process.execPath, "scripts/test.ts", ...filters], {
    cwd: folder,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const text = await child.stdout.text();
  return { last: text.trim().split("\n").at(-1), status: await child.exited };
}

// An option is an entry in the table and a line where it is used: here in a copy of the program, whose table gets one more.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const ENTRY = `
  idleTime: { kind: duration, group: SERVER, help: "Idle time of a session", default: 900_000 },
  port: {`;
/** The line where it is used: it says what it has. */
const USE = `
      log.info(\`idle time \${config.idleTime}\`);
      redactSecrets(`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcp-expose-option-"));
  for (const name of ["src", "bin", "scripts", "package.json", "tsconfig.json"])
    await cp(join(ROOT, name), join(folder, name), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await replaceOnce("src/config/options.ts", "\n  port: {", ENTRY);
  await replaceOnce("src/cli/run.ts", "\n      redactSecrets(", USE);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("the program has it as an option, a variable and in its help, with its default", async () => {
  const words = ["--tunnel", "none", "--store", "memory", "./no-such-server.js"];
  expect((await run(["--help"])).stdout).toContain(
    "--idle-time DURATION        Idle time of a session [15m]\n",
  );
  expect((await run(words)).stderr).toContain("idle time 900000\n");
  expect((await run(["--idle-time", "1h", ...words])).stderr).toContain("idle time 3600000\n");
  expect((await run(words, { MCP_EXPOSE_IDLE_TIME: "2h" })).stderr).toContain("idle time 7200000\n");
});

test("the config file has it, and the published types say so", async () => {
  await Bun.write(join(folder, "mcp-oauth.config.json"), '{ "idleTime": "3h" }');
  const { stderr } = await run(["--tunnel", "none", "--store", "memory", "./no-such-server.js"]);
  expect(stderr).toContain("idle time 10800000\n");
  const script =
    'import { makeDeclarations } from "./scripts/declarations.ts"; console.log(await makeDeclarations());';
  const { stdout } = await run([], {}, ["--eval", script]);
  expect(stdout).toContain("/** Idle time of a session. Default: 15m. */\n    idleTime?: string;\n");
});

test("the compiler knows it, as what it is", async () => {
  const use = (type: string, value: string) => `
    import type { Config } from "./config.ts";
    import { defineConfig } from "./define-config.ts";
    export const read = ({ idleTime }: Config): ${type} => idleTime;
    export default defineConfig({ idleTime: ${value} });`;
  await Bun.write(join(folder, "src/config/right.ts"), use("number", '"1h"'));
  expect(await check("right.ts")).toEqual({ errors: [], status: 0 });
  await Bun.write(join(folder, "src/config/wrong.ts"), use("string", "3600"));
  const { errors } = await check("wrong.ts");
  expect(errors).toHaveLength(2);
});

async function check(name: string) {
  const { stdout, stderr, status } = await run([], {}, ["check", `src/config/${name}`]);
  return { errors: `${stdout}${stderr}`.split("\n").filter((line) => line.includes("error TS")), status };
}

async function replaceOnce(name: string, old: string, text: string): Promise<void> {
  const path = join(folder, name);
  const source = await Bun.file(path).text();
  if (source.split(old).length !== 2) throw new Error(`"${name}" has not one place for this option`);
  await Bun.write(path, source.replace(old, text));
}

async function run(
  words: readonly string[],
  env: Record<string, string> = {},
  command: readonly string[] = ["--no-env-file", join(folder, "src/main.ts")],
) {
  const child = Bun.spawn([process.execPath, ...command, ...words], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { stdout, stderr, status: await child.exited };
}

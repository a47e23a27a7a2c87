// `--watch` of the real command in every form it comes in: what it says is watched, and what has changed.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { cp, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { until } from "../acceptance/until.ts";
import { BINARY } from "../packaging/artifacts.ts";
import { type Program, programWords, ROOT, runProgram, startProgram } from "../program.ts";

const SERVERS = join(ROOT, "test/fixtures/servers");
const BUNDLE = join(ROOT, "dist/cli.js");
const FORMS = [
  ["from source", undefined],
  ["as the npm package has it", BUNDLE],
  ["compiled", BINARY],
] as const;

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "mcp-expose-watch-")));
  for (const name of ["older.ts", "stdio.ts"]) await cp(join(SERVERS, name), join(folder, name));
  await put("package.json", "{}");
  await put("node_modules/x/index.js", "0");
  await put(".gitignore", "notes.txt\n");
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const put = (name: string, text: string) => Bun.write(join(folder, name), text);

function start(
  words: readonly string[],
  binary?: string,
  env: Record<string, string> = {},
): Promise<Program> {
  // The bundle looks for a Bun on PATH.
  const PATH = `${join(ROOT, "node_modules/.bin")}${delimiter}${process.env["PATH"]}`;
  return startProgram(["--tunnel", "none", ...words], { cwd: folder, binary, env: { PATH, ...env } });
}

async function untilSaid(program: Program, text: string): Promise<void> {
  const isSaid = () => program.stderr().includes(text);
  await until(`"${text}" is said`, isSaid).catch((thrown: unknown) => {
    throw new Error(`${String(thrown)}\n${program.stderr()}`);
  });
}

for (const [form, binary] of FORMS)
  test(`the command ${form} says what has changed in the server's folder`, async () => {
    await using program = await start(["--watch", "./older.ts"], binary);
    await untilSaid(program, `· Watching ${folder} (4 files).`);
    await put("notes.txt", "new");
    await put("node_modules/x/index.js", "new");
    await put("lib/new.ts", "1");
    await untilSaid(program, "· Restarting the server: lib/new.ts has changed.\n");
    await put("older.ts", `${await Bun.file(join(folder, "older.ts")).text()}\n`);
    await untilSaid(program, "· Restarting the server: older.ts has changed.\n");
    expect(program.stderr()).not.toMatch(/notes\.txt|node_modules|Cannot watch|^!/m);
    expect(await program.stop()).toBe(0);
  });

test("globs start from the current folder; one that names no file is said", async () => {
  await using program = await start(["--watch=*.json", "--watch=src/**/*.{ts,py}", "./older.ts"]);
  await untilSaid(
    program,
    '! --watch: no file is named by "src/**/*.{ts,py}". It is watched for files to come.\n',
  );
  await untilSaid(program, "· Watching *.json, src/**/*.{ts,py} (1 file).\n");
  await put("older.ts", "new");
  await put("src/deep/a.py", "1");
  await untilSaid(program, "· Restarting the server: src/deep/a.py has changed.\n");
  await put("package.json", "[]");
  await untilSaid(program, "· Restarting the server: package.json has changed.\n");
  expect(program.stderr()).not.toContain("older.ts has changed");
});

test("the config file and a variable set it; without either nothing is watched", async () => {
  await put("mcp-oauth.config.json", '{ "watch": ["*.json"], "server": "older.ts" }');
  await using program = await start([]);
  await untilSaid(program, "Watching *.json (2 files).");
  await using off = await start([], undefined, { MCP_EXPOSE_WATCH: "0" });
  await using folderOf = await start([], undefined, { MCP_EXPOSE_WATCH: "1" });
  await untilSaid(folderOf, `Watching ${folder} (5 files).`);
  expect(off.stderr()).not.toContain("Watching");
});

/** How many sources of file events a process has open. */
function countInotify({ pid }: Program): number {
  const names = readdirSync(`/proc/${pid}/fd`);
  return names.filter((name) => nameDescriptor(`/proc/${pid}/fd/${name}`).includes("inotify")).length;
}

function nameDescriptor(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "closed meanwhile";
  }
}

test.skipIf(process.platform !== "linux")("without --watch no file is watched", async () => {
  await using off = await start(["./older.ts"]);
  await using on = await start(["--watch", "./older.ts"]);
  await untilSaid(on, "Watching");
  expect(countInotify(on)).toBe(1);
  expect(countInotify(off)).toBe(0);
});

/** Starts a program whose user may watch five files in all. */
const FEW_WATCHES = 'echo 5 > /proc/sys/user/max_inotify_watches && exec "$@"';
const LIMITED = ["unshare", "--user", "--map-root-user", "sh", "-c", FEW_WATCHES, "limited"];
const canLimit = process.platform === "linux" && Bun.spawnSync([...LIMITED, "true"]).success;

test.skipIf(!canLimit)("files are polled when the system can watch no more, which is said once", async () => {
  for (let count = 0; count < 20; count++) await put(`lib/${count}.ts`, "0");
  const script = join(folder, "limited.sh");
  await Bun.write(script, `#!/bin/sh\nexec ${quote([...LIMITED, ...programWords()])} "$@"\n`);
  await Bun.$`chmod 755 ${script}`;
  await using program = await start(["--watch", "./older.ts"], script);
  await untilSaid(program, "Watching");
  await put("lib/7.ts", "new");
  await untilSaid(program, "· Restarting the server: lib/7.ts has changed.\n");
  expect(program.stderr().split("The system cannot watch so many files")).toHaveLength(2);
});

function quote(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

test.each([
  [["--watch=", "x"], "--watch needs a value."],
  [["--watch= ", "x"], '--watch: "" is not a glob.'],
  [["--watch=!x", "x"], '--watch: "!x" begins with "!".'],
])("%j is refused", async (words, line) => {
  const { exitCode, stderr } = await runProgram(words, { cwd: folder });
  expect(stderr).toContain(line);
  expect(exitCode).toBe(2);
});

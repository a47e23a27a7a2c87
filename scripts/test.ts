// Checks format, lint and types, and runs the tests: `npm test`. `npm test -- oauth` runs the tests alone, those whose
// path contains "oauth". The compiled binary and the npm package are made first, if a file that is run needs them.
// Processes that the tests have left running are named and ended, and count as a failure, as does a check that fails.
// The last line is always `N passed, N failed`; the status is 0 only if tests ran and none failed.
import { join } from "node:path";
import { $ } from "bun";
import { needArtifacts } from "./needs-artifacts.ts";
import { adoptOrphans } from "./leftovers.ts";

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
}

const ROOT = join(import.meta.dir, "..");
/** Milliseconds for one test: room for processes to start on a busy two-core machine. */
const TIMEOUT = 30_000;
/** Milliseconds for processes that end by themselves when their parent has ended. */
const PATIENCE = 10_000;
/** A file that measures time or fills the machine says so in its name and runs after the others, alone. */
const ALONE = ".serial.test.ts";

const NONE: Outcome = { passed: 0, failed: 0, skipped: 0 };
const FAILED: Outcome = { ...NONE, failed: 1 };
const BIN = join(ROOT, "node_modules/.bin");
const CHECKS: readonly { name: string; command: readonly string[] }[] = [
  { name: "format", command: [process.execPath, "fmt", "--no-script", "--check"] },
  { name: "lint", command: [join(BIN, "oxlint")] },
  { name: "types", command: [process.execPath, "check"] },
];

const filters = process.argv.slice(2);
const files = findFiles(filters);
const together = files.filter((file) => !file.endsWith(ALONE));
const alone = files.filter((file) => file.endsWith(ALONE));
const failedChecks: string[] = [];
let running: number | undefined;
report((await prepare()) ? [...(await runChecks()), ...(await runAll())] : [FAILED]);

function findFiles(filters: readonly string[]): string[] {
  const all = [...new Bun.Glob("test/**/*.test.{ts,tsx}").scanSync(ROOT)].sort();
  return filters.length === 0 ? all : all.filter((file) => filters.some((filter) => file.includes(filter)));
}

/** Makes the shipped forms of the program where a test needs them. */
async function prepare(): Promise<boolean> {
  if (!needArtifacts(files, ROOT)) return true;
  const { exitCode, stdout, stderr } = await $`npm run artifacts`.cwd(ROOT).quiet().nothrow();
  if (exitCode !== 0)
    process.stderr.write(`What the tests need could not be made:\n${stdout.toString()}${stderr.toString()}`);
  return exitCode === 0;
}

/** Format, lint and types: of everything, so in a whole run alone. Each counts as a test. */
async function runChecks(): Promise<Outcome[]> {
  if (filters.length > 0) return [];
  const outcomes: Outcome[] = [];
  for (const { name, command } of CHECKS) {
    const { exitCode, stdout, stderr } = await $`${command}`.cwd(ROOT).quiet().nothrow();
    if (exitCode !== 0) {
      process.stderr.write(`${stdout.toString()}${stderr.toString()}\n`);
      failedChecks.push(name);
    }
    outcomes.push(exitCode === 0 ? { ...NONE, passed: 1 } : FAILED);
  }
  return outcomes;
}

async function runAll(): Promise<Outcome[]> {
  const adoption = adoptOrphans((pid) => pid === running);
  const outcomes = [await runTests(together, ["--parallel=2"]), await runTests(alone, [])];
  const left = await adoption.endLeftovers(PATIENCE);
  if (left.length > 0) process.stderr.write(`Left running by the tests:\n${left.join("\n")}\n`);
  return [...outcomes, { ...NONE, failed: left.length }];
}

async function runTests(files: readonly string[], flags: readonly string[]): Promise<Outcome> {
  if (files.length === 0) return NONE;
  const paths = files.map((file) => `./${file}`);
  const child = Bun.spawn([process.execPath, "test", `--timeout=${TIMEOUT}`, ...flags, ...paths], {
    cwd: ROOT,
    env: withoutOwnSettings(process.env),
    stdio: ["ignore", "inherit", "pipe"],
  });
  running = child.pid;
  let text = "";
  const reading = forEachChunk(child.stderr, (chunk) => {
    process.stderr.write(chunk);
    text += chunk;
  });
  const exitCode = await child.exited;
  running = undefined;
  // A process that a failed test left behind may keep the pipe open for ever.
  await Promise.race([reading, Bun.sleep(1000)]);
  return readOutcome(text, exitCode);
}

async function forEachChunk(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
}

/** The developer's own ngrok account and settings are kept out of the tests. */
function withoutOwnSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(NGROK|MCP_EXPOSE)_/.test(name)));
}

/** Reads Bun's closing summary. A run that failed without counting a failure, or broke off, counts as one. */
function readOutcome(text: string, exitCode: number): Outcome {
  const summary = /(?:^ +\d+ .+\n)+(?=Ran \d+ tests? )/gm;
  const last = Bun.stripANSI(text).match(summary)?.at(-1);
  const count = (word: string) => Number(new RegExp(`^ +(\\d+) ${word}$`, "m").exec(last ?? "")?.[1] ?? 0);
  const failed = count("fail");
  return {
    passed: count("pass"),
    failed: exitCode !== 0 || last === undefined ? Math.max(failed, 1) : failed,
    skipped: count("skip") + count("todo"),
  };
}

function report(outcomes: readonly Outcome[]): void {
  const total = (key: keyof Outcome) => outcomes.reduce((sum, outcome) => sum + outcome[key], 0);
  const [passed, failed, skipped] = [total("passed"), total("failed"), total("skipped")];
  if (passed + failed === 0) process.stderr.write("No test ran.\n");
  // Their output stands before thousands of lines of tests, where nobody looks.
  if (failedChecks.length > 0) process.stderr.write(`Failed before the tests: ${failedChecks.join(", ")}.\n`);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

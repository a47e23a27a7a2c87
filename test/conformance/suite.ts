// Runs the official conformance suite as a process and reads the checks that it leaves behind.
// https://github.com/modelcontextprotocol/conformance
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../program.ts";

export interface Check {
  id: string;
  status: "FAILURE" | "INFO" | "SKIPPED" | "SUCCESS" | "WARNING";
  errorMessage?: string;
}

export interface SuiteRun {
  exitCode: number;
  /** What it printed. */
  report: string;
  /** By scenario; one that could not be run at all is missing. */
  checks: Map<string, Check[]>;
}

export interface Requirements {
  /** Scenarios that a revision requires. */
  required: string[];
  /** Scenarios that are run, but count for nothing. */
  unscored: { scenario: string; reason: "added-after-release" | "extension" | "pending" }[];
}

const PACKAGE = join(ROOT, "node_modules/@modelcontextprotocol/conformance");
/** Milliseconds; a run takes seconds. */
const DEADLINE = 150_000;
/** The suite's own limit for one scenario, in milliseconds. */
const SCENARIO_TIMEOUT = 20_000;

/** Runs the suite against a server. @param expectedFailures a YAML file, as the suite's README describes it */
export function testServer(url: string, revision: string, expectedFailures: string): Promise<SuiteRun> {
  const words = ["--requirements", revision, "--expected-failures", expectedFailures];
  return runSuite(["server", "--url", url, "--timeout", `${SCENARIO_TIMEOUT}`, ...words]);
}

/** Runs the suite to its end. @param told called with each line that it prints */
export async function runSuite(words: readonly string[], told?: (line: string) => void): Promise<SuiteRun> {
  const folder = await mkdtemp(join(tmpdir(), "mcp-expose-conformance-"));
  const suite = Bun.spawn(
    [process.execPath, join(PACKAGE, "dist/index.js"), ...words, "--output-dir", folder],
    {
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: DEADLINE,
    },
  );
  const [printed, complaints, exitCode] = await Promise.all([
    readLines(suite.stdout, told),
    new Response(suite.stderr).text(),
    suite.exited,
  ]);
  const checks = await readChecks(folder);
  await rm(folder, { recursive: true });
  return { exitCode, report: printed + complaints, checks };
}

export async function readRequirements(revision: string): Promise<Requirements> {
  const { server, not_scored } = Bun.YAML.parse(
    await Bun.file(join(PACKAGE, `requirements/${revision}.yaml`)).text(),
  ) as {
    server: string[];
    not_scored: (Requirements["unscored"][number] & { leg: "client" | "server" })[];
  };
  return { required: server, unscored: not_scored.filter(({ leg }) => leg === "server") };
}

/** A scenario leaves a folder `<leg>-<scenario>-<time>`. */
async function readChecks(folder: string): Promise<SuiteRun["checks"]> {
  const found: SuiteRun["checks"] = new Map();
  for await (const path of new Bun.Glob("*/checks.json").scan(folder)) {
    const scenario = /^(?:server-)?(.+)-\d{4}-\d\d-\d\dT[^/]*\/checks\.json$/.exec(path)?.[1] ?? path;
    found.set(scenario, (await Bun.file(join(folder, path)).json()) as Check[]);
  }
  return found;
}

async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  told: (line: string) => void = () => {},
): Promise<string> {
  let text = "";
  let begun = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const lines = (begun + chunk).split("\n");
    begun = lines.pop() ?? "";
    lines.forEach(told);
  }
  return text;
}

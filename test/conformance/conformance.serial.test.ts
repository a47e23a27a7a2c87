// The official conformance suite, through the program: every era of server behind it, each revision of client.
// What may fail stands in expected-failures/, each check with its reason; one that passes must leave the file.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { startProgram } from "../program.ts";
import { readRequirements, testServer, type SuiteRun } from "./suite.ts";

interface ExpectedFailures {
  /** Checks of required scenarios; the suite reads them too. */
  server: string[];
  /** Checks of scenarios that the suite runs without counting them. */
  unscored?: string[];
}

const CELLS = [
  { child: "legacy", revision: "2025-11-25", expected: "none.yml" },
  { child: "legacy", revision: "2026-07-28", expected: "legacy-child-2026-07-28.yml" },
  { child: "modern", revision: "2025-11-25", expected: "none.yml" },
  { child: "modern", revision: "2026-07-28", expected: "none.yml" },
  { child: "dual", revision: "2025-11-25", expected: "none.yml" },
  { child: "dual", revision: "2026-07-28", expected: "none.yml" },
];
/** The suite can send no token. */
const OPEN = ["--auth", "none", "--tunnel", "none"];
const TIMEOUT = 180_000;

for (const { child, revision, expected } of CELLS)
  test(
    `a ${child} server behind the program does what ${revision} requires`,
    async () => {
      const server = join(import.meta.dir, `servers/everything-${child}.ts`);
      const file = join(import.meta.dir, "expected-failures", expected);
      await using program = await startProgram([...OPEN, "--", process.execPath, server]);

      const run = await testServer(program.ready.local, revision, file);

      const { required, unscored } = await readRequirements(revision);
      const all = [...required, ...unscored.map(({ scenario }) => scenario)];
      expect([...run.checks.keys()].sort()).toEqual(all.sort());
      // An extension is optional by definition, and the servers here have none.
      const extensions = unscored
        .filter(({ reason }) => reason === "extension")
        .map(({ scenario }) => scenario);
      const failures = findFailures(run, new Set(all).difference(new Set(extensions)));
      const listed = Bun.YAML.parse(await Bun.file(file).text()) as ExpectedFailures;
      expect([...failures.keys()].sort(), explain(failures)).toEqual(
        [...listed.server, ...(listed.unscored ?? [])].sort(),
      );
      expect(run.exitCode, run.report).toBe(0);
      const succeeds = (scenario: string) =>
        run.checks.get(scenario)?.some(({ status }) => status === "SUCCESS");
      expect(required.filter((scenario) => !succeeds(scenario))).toEqual([]);
    },
    TIMEOUT,
  );

/** `<scenario>:<check>`, as the suite writes it, and what it says of it. */
function findFailures({ checks }: SuiteRun, scenarios: Iterable<string>): Map<string, string> {
  const failures = new Map<string, string>();
  for (const scenario of scenarios)
    for (const { id, status, errorMessage = status } of checks.get(scenario) ?? [])
      if (status === "FAILURE" || status === "WARNING") failures.set(`${scenario}:${id}`, errorMessage);
  return failures;
}

function explain(failures: Map<string, string>): string {
  return [...failures].map(([check, message]) => `${check}\n    ${message}`).join("\n");
}

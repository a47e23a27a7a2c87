// Holds the list of findings in docs/threats.md against the tests: every number has a rule, the tests a row names
// exist, and no test names a number that the list does not have.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const FINDINGS = 44;

interface Row {
  number: number;
  rule: string;
  /** Test files below `test/`, without `.test.ts`. */
  files: string[];
}

function readRows(): Row[] {
  const [, section = ""] = readFileSync(join(ROOT, "docs/threats.md"), "utf8").split(
    "## Found from outside\n",
  );
  const [table = ""] = section.split("\n## ");
  return [...table.matchAll(/^\| (\d+) \| (.+) \| (.+) \|$/gm)].map(([, number, rule = "", files = ""]) => ({
    number: Number(number),
    rule,
    files: [...files.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file),
  }));
}

/** `26 eras/resumability` for every file that has a test named `found 26: …`. */
function listTests(): Set<string> {
  const files = [...new Bun.Glob("**/*.test.{ts,tsx}").scanSync({ cwd: join(ROOT, "test") })];
  return new Set(
    files.flatMap((file) => {
      const text = readFileSync(join(ROOT, "test", file), "utf8");
      const names = text.matchAll(/["'`]found (\d+(?:, \d+)*): /g);
      const name = file.replace(/\.test\.tsx?$/, "");
      return [...names].flatMap(([, numbers = ""]) =>
        numbers.split(", ").map((number) => `${number} ${name}`),
      );
    }),
  );
}

test("docs/threats.md has a rule for every finding, in order", () => {
  const numbers = Array.from({ length: FINDINGS }, (_, index) => index + 1);
  expect(readRows().map(({ number }) => number)).toEqual(numbers);
});

test("docs/threats.md names the tests of every finding, and all of them", () => {
  const named = readRows().flatMap(({ number, files }) => files.map((file) => `${number} ${file}`));
  expect(named.toSorted()).toEqual([...listTests()].toSorted());
});

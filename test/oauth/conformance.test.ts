// Holds docs/conformance.md against the tests: every rule is there, and every test it names exists, and no other.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const GROUPS: Record<string, number> = { D: 17, R: 23, A: 23, T: 19, S: 15, B: 7 };
const IDS = Object.entries(GROUPS).flatMap(([letter, count]) =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
);
/** A finding's number may stand before the rules that a test holds. */
const PREFIX = /^(?:found \d+: )?((?:[A-Z]\d+, )*[A-Z]\d+): /;

/** Rule and test, as `R4 test/oauth/x.test.ts “name”`; what a name is made of at run time is `…`. */
function listTests(): string[] {
  const files = [...new Bun.Glob("test/{oauth,store}/*.test.ts").scanSync({ cwd: ROOT })];
  return files.flatMap((file) => {
    const text = readFileSync(join(ROOT, file), "utf8");
    const called = text.matchAll(/\btest(?:\.each\([^]*?\))?\(\s*(`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*")/g);
    // Some tests get their names from the keys of a table.
    const keys = text.matchAll(/^\s+("[A-Z]\d+: [^"]+"): /gm);
    return [...called, ...keys].flatMap(([, quoted = ""]) => {
      const name = quoted
        .slice(1, -1)
        .replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "…")
        .replace(/\\(.)/g, "$1");
      const ids = PREFIX.exec(name)?.[1]?.split(", ") ?? [];
      return ids.map((id) => `${id} ${file} “${name.replace(PREFIX, "")}”`);
    });
  });
}

function readPage(): { id: string; tests: string }[] {
  const page = readFileSync(join(ROOT, "docs/conformance.md"), "utf8");
  return [...page.matchAll(/^\| ([A-Z]\d+) \|.*\| (.*) \|$/gm)].map(([, id = "", tests = ""]) => ({
    id,
    tests,
  }));
}

function listNamed({ id, tests }: { id: string; tests: string }): string[] {
  return tests.split("; `").flatMap((part) => {
    const file = part.replace(/^`/, "").split("`")[0];
    return [...part.matchAll(/“(.*?)”(?=,|;|$)/g)].map(
      ([quoted]) => `${id} ${file} ${quoted.replaceAll("\\|", "|")}`,
    );
  });
}

test("docs/conformance.md has every rule, with a test or a reason why not", () => {
  const page = readPage();
  expect(page.map(({ id }) => id)).toEqual(IDS);
  const bare = page.filter(
    (row) => listNamed(row).length === 0 && !row.tests.startsWith("not applicable, because "),
  );
  expect(bare).toEqual([]);
});

test("docs/conformance.md names the tests that exist, and all of them", () => {
  const named = readPage().flatMap(listNamed);
  const existing = [...new Set(listTests())];
  expect(named.toSorted()).toEqual(existing.toSorted());
  expect(existing.length).toBeGreaterThan(IDS.length);
});

// A forgotten `await` before an operation that answers yes or no makes every answer a yes: a promise is true. Neither the
// compiler nor the linter sees it where the answer may come at once, so this does.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const SRC = join(import.meta.dir, "../../src");
const contract = readFileSync(join(SRC, "store/store.ts"), "utf8");
const QUESTIONS = [...contract.matchAll(/^ {2}(\w+)\([^]*?\): Later<([^>]*)>/gm)]
  .filter(([, , answer]) => answer === "boolean")
  .map(([, name]) => name);

const findForgotten = (text: string) =>
  [...text.matchAll(new RegExp(String.raw`(\w+ |=> |\()?[\w.]*\bstore\.(${QUESTIONS.join("|")})\(`, "g"))]
    // A function that hands the answer on is awaited where it is called.
    .filter(([, before = ""]) => !["await ", "return ", "=> "].includes(before))
    .map(([call]) => call);

test("every answer of the store that is yes or no is awaited", () => {
  expect(QUESTIONS).toHaveLength(8);
  const files = [...new Bun.Glob("{oauth,app,http}/**/*.{ts,tsx}").scanSync(SRC)];
  const texts = files.map((file) => readFileSync(join(SRC, file), "utf8"));
  expect(texts.flatMap(findForgotten)).toEqual([]);
  expect(texts.join("").match(/await [\w.]*store\.redeemCode\(/g)).toHaveLength(1);
});

test("a forgotten one is seen", () => {
  const calls = [
    "if (!store.redeemCode(x))",
    "if (!(await store.redeemCode(x)))",
    "= options.store.hasAccess(x)",
  ];
  expect(calls.map((call) => findForgotten(call).length)).toEqual([1, 0, 1]);
});

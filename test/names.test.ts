// One name means one thing: no type and no exported function or constant of src has the name of another one. Words that
// were once private to this program, where the field has a word of its own, do not come back.
// Declarations are found by TypeScript's own parser: its interface is unstable, and its version is pinned in package.json.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { basename, dirname, join } from "node:path";
import {
  type FunctionDeclaration,
  type Node,
  type SourceFile,
  SyntaxKind,
  type VariableStatement,
} from "typescript/unstable/ast";
import {
  isClassDeclaration,
  isEnumDeclaration,
  isFunctionDeclaration,
  isIdentifier,
  isInterfaceDeclaration,
  isTypeAliasDeclaration,
  isVariableStatement,
} from "typescript/unstable/ast/is";
import { API } from "typescript/unstable/async";
import { listFiles } from "../scripts/imports.ts";
import { ROOT } from "./program.ts";

/** Words of our own, with the word to use: one that has no better one is not here. */
const FORBIDDEN: Record<string, string> = {
  outlet: "responder",
  ticket: "requestState",
  seal: "requestState, or encrypt",
  sealed: "requestState, or encrypt",
  noise: "invalid output",
  farewell: "listen streams",
  ladder: "validateRequest",
  climb: "validateRequest",
  "set-out": "parked call",
  "stand-in": "declined result",
  interview: "input requests",
  junction: "multiplexer",
  touchy: "diesBeforeInitialize",
  spare: "standby",
  around: "env, timing or deps",
  surroundings: "env, timing or deps",
  cautions: "warnings",
  garbage: "memory trim",
  "last-words": "stderrTail",
  "may-look-around": "allowAnonymousDiscovery",
  loose: "unrelated",
  sentence: "text",
  heads: "headers",
  // A round trip is the time to a server and back.
  "(?<!round-)trip": "parked call",
};

/** Names in one folder that begin with the same word are a folder that was never made. */
const SIBLINGS = 3;

const sources = new Map<string, SourceFile>();
let api: API;

beforeAll(async () => {
  api = new API({ cwd: ROOT });
  const snapshot = await api.updateSnapshot({ openProject: join(ROOT, "tsconfig.json") });
  const [project] = snapshot.getProjects();
  for (const file of listFiles("src/**/*.{ts,tsx}"))
    sources.set(file, (await project!.program.getSourceFile(join(ROOT, file)))!);
}, 60_000);
afterAll(() => api.close());

test("a type's name is declared once", () => {
  const names = [...sources].flatMap(([file, source]) =>
    listNodes(source).flatMap((node) => typeName(node, file)),
  );
  expect(names.length).toBeGreaterThan(200);
  expect(findDoubles(names)).toEqual([]);
});

test("the name of an exported function or constant is declared once", () => {
  const names = [...sources].flatMap(([file, source]) =>
    source.statements.flatMap((node) => exportedNames(node, file)),
  );
  expect(names.length).toBeGreaterThan(200);
  expect(findDoubles(names)).toEqual([]);
});

test("no identifier and no file has a word of our own where the field has one", () => {
  const identifiers = [...sources].flatMap(([file, source]) =>
    [
      ...new Set(
        listNodes(source)
          .filter(isIdentifier)
          .map(({ text }) => text),
      ),
    ].map((name) => ({ name, file })),
  );
  const files = [...sources.keys()].flatMap((file) => file.split("/").map((name) => ({ name, file })));
  const found = [...identifiers, ...files].flatMap(({ name, file }) => {
    const word = findForbidden(name);
    return word === undefined ? [] : [`${file}: "${name}" (better: ${word})`];
  });
  expect([...new Set(found)]).toEqual([]);
});

test("no three names in a folder begin with the same word: that word is a folder", () => {
  const entries = new Set([...sources.keys()].flatMap(listEntries));
  expect(findPrefixes([...entries])).toEqual([]);
});

test("the rules see what they judge", () => {
  expect(
    ["roundTripMs", "noise", "isSealed", "standInTool", "surroundings", "LAST_WORDS", "aloose"].map(
      findForbidden,
    ),
  ).toEqual([
    undefined,
    "invalid output",
    "requestState, or encrypt",
    "declined result",
    "env, timing or deps",
    "stderrTail",
    undefined,
  ]);
  expect(
    findDoubles([
      { name: "A", file: "a.ts" },
      { name: "A", file: "b.ts" },
      { name: "B", file: "b.ts" },
    ]),
  ).toEqual(["A: a.ts, b.ts"]);
  expect(
    findPrefixes(["src/x/a-b.ts", "src/x/a-c.ts", "src/x/a.ts", "src/x/b-a.ts", "src/y/a-b.ts"]),
  ).toEqual([]);
  expect(findPrefixes(["src/x/a-b.ts", "src/x/a-c", "src/x/a-d.ts"])).toEqual([
    "src/x/a-: a-b.ts, a-c, a-d.ts",
  ]);
});

interface Named {
  name: string;
  file: string;
}

function listNodes(node: Node): Node[] {
  const found = [node];
  node.forEachChild((child) => void found.push(...listNodes(child)));
  return found;
}

function typeName(node: Node, file: string): Named[] {
  const isType =
    isInterfaceDeclaration(node) ||
    isTypeAliasDeclaration(node) ||
    isClassDeclaration(node) ||
    isEnumDeclaration(node);
  return isType && node.name ? [{ name: node.name.text, file }] : [];
}

function exportedNames(node: Node, file: string): Named[] {
  if (isFunctionDeclaration(node) && node.name && isExported(node)) return [{ name: node.name.text, file }];
  if (!isVariableStatement(node) || !isExported(node)) return [];
  return node.declarationList.declarations.flatMap(({ name }) =>
    isIdentifier(name) ? [{ name: name.text, file }] : [],
  );
}

function isExported({ modifiers }: FunctionDeclaration | VariableStatement): boolean {
  return modifiers?.some(({ kind }) => kind === SyntaxKind.ExportKeyword) ?? false;
}

/** Overloads of one function, and declarations of one interface, are one thing. */
function findDoubles(names: readonly Named[]): string[] {
  const files = new Map<string, Set<string>>();
  for (const { name, file } of names) files.set(name, (files.get(name) ?? new Set()).add(file));
  return [...files]
    .filter(([, each]) => each.size > 1)
    .map(([name, each]) => `${name}: ${[...each].join(", ")}`);
}

/** @returns the better word */
function findForbidden(name: string): string | undefined {
  const words = name
    .replace(/([a-z\d])(?=[A-Z])/g, "$1-")
    .replaceAll("_", "-")
    .toLowerCase();
  const forbidden = Object.keys(FORBIDDEN).find((word) =>
    new RegExp(`(?<![a-z])${word}(?![a-z])`).test(words),
  );
  return forbidden === undefined ? undefined : FORBIDDEN[forbidden];
}

/** A file and the folders it is in, below src. */
function listEntries(file: string): string[] {
  return file === "src" ? [] : [file, ...listEntries(dirname(file))];
}

function findPrefixes(entries: readonly string[]): string[] {
  const groups = new Map<string, string[]>();
  for (const entry of entries) {
    const [prefix, rest] = basename(entry).split(/-(.*)/);
    // A date is not a word, and what a folder is named for may stand in its files' names.
    if (rest === undefined || /^\d/.test(prefix!) || basename(dirname(entry)).startsWith(prefix!)) continue;
    const key = `${dirname(entry)}/${prefix}-`;
    groups.set(key, [...(groups.get(key) ?? []), basename(entry)]);
  }
  return [...groups]
    .filter(([, names]) => names.length >= SIBLINGS)
    .map(([key, names]) => `${key}: ${names.sort().join(", ")}`);
}

// The documents are true of the files: the picture in docs/design.md is that of the imports, the tree in CONTRIBUTING.md is
// that of the folders, and the paths that they name exist.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { countFloors, listArrows, readRoomGraph, redraw } from "../scripts/draw-rooms.ts";
import { listFiles } from "../scripts/imports.ts";
import { ROOT } from "./program.ts";

const DOCUMENTS = ["CONTRIBUTING.md", "README.md", "SECURITY.md", ...listFiles("docs/*.md")];

test("the picture of the rooms is that of the imports", () => {
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, "scripts/draw-rooms.ts", "--check"], {
    cwd: ROOT,
  });
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
});

test("a picture that misses an arrow, a room or a description is another one", () => {
  const document = readFileSync(join(ROOT, "docs/design.md"), "utf8");
  for (const part of ["  room-app --> room-eras\n", "one stdio server process"]) {
    const broken = document.replace(part, "");
    expect(broken).not.toBe(document);
    expect(redraw(broken)).toBe(document);
  }
});

test.each(DOCUMENTS)("%s names files and folders that exist", (name) => {
  const wrong = listPaths(readText(name)).filter((path) => !isThere(path));
  expect(wrong).toEqual([]);
});

test("a path of each form that the documents use is found, and is missed if it is wrong", () => {
  const text =
    "`eras/observers/call-observer.ts` `src/app/` `test/program.ts` `call-table.ts` `tools/list` `http/routes` `a b.ts`";
  expect(listPaths(text)).toEqual([
    "eras/observers/call-observer.ts",
    "src/app/",
    "test/program.ts",
    "call-table.ts",
  ]);
  expect(listPaths(text).every(isThere)).toBe(true);
  expect(["eras/calling.ts", "src/apps/", "call-list.ts"].filter(isThere)).toEqual([]);
  expect(DOCUMENTS.flatMap((name) => listPaths(readText(name))).length).toBeGreaterThan(200);
});

test("docs/threats.md names tests that exist", () => {
  const [, threats = ""] = readText("docs/threats.md").split("## Getting in ");
  const rows = [...threats.matchAll(/^\|.*\|(.*)\|$/gm)];
  const names = rows.flatMap(([, cell = ""]) => [...cell.matchAll(/`([a-z\d-]+(?:\/[\w.-]+)?)`/g)]);
  const tests = names.map(([, name]) => `test/${name}`);
  expect(tests.length).toBeGreaterThan(150);
  const endings = ["", ".test.ts", ".test.tsx", ".serial.test.ts"];
  const isTest = (path: string) => endings.some((ending) => existsSync(join(ROOT, path + ending)));
  expect([...new Set(tests)].filter((path) => !isTest(path))).toEqual([]);
});

test("the tree in CONTRIBUTING.md is that of the folders, and names files where they are", () => {
  const tree = readTree();
  const folders = listFiles("src/**/*").map((file) => dirname(file));
  const patterns = tree.map(({ path }) => new Bun.Glob(path.replaceAll("…", "*").replace(/\/$/, "")));
  const missing = [...new Set(folders)].filter((folder) => !patterns.some((glob) => glob.match(folder)));
  expect(missing).toEqual([]);
  const isEmpty = ({ path }: TreeLine) => !existsSync(join(ROOT, path)) && !/[…*]/.test(path);
  expect(tree.filter(isEmpty)).toEqual([]);
  const named = tree.flatMap(({ path, text }) =>
    [...text.matchAll(/[\w-]+\.ts\b/g)].map(([file]) => join(path, file)),
  );
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

test("there are at most seven floors, the leaves included", () => {
  expect(countFloors(readRoomGraph())).toBeWithin(5, 8);
});

test("floors are counted along the longest way, and an arrow that a longer way implies is left out", () => {
  const graph = new Map([
    ["main.ts", new Set(["a/", "c/"])],
    ["a/", new Set(["b/"])],
    ["b/", new Set(["c/"])],
    ["c/", new Set<string>()],
  ]);
  expect(countFloors(graph)).toBe(4);
  expect(listArrows(graph)).toEqual([
    ["main.ts", "a/"],
    ["a/", "b/"],
    ["b/", "c/"],
  ]);
});

function readText(name: string): string {
  return readFileSync(join(ROOT, name), "utf8");
}

/** Source files, and folders that are written with a slash at the end and not alone. */
function listPaths(text: string): string[] {
  return [...text.matchAll(/`((?:[\w.-]+\/)*[\w.-]+\.tsx?|(?:[\w.-]+\/){2,})`/g)].map(([, path]) => path!);
}

const FILES = new Set(listFiles("{src,test,scripts,bench}/**/*").map((file) => basename(file)));

/** From the root, `src` or `test`; a file that is named alone may be anywhere. */
function isThere(path: string): boolean {
  return (
    ["", "src", "test"].some((folder) => existsSync(join(ROOT, folder, path))) ||
    (!path.includes("/") && FILES.has(path))
  );
}

interface TreeLine {
  path: string;
  text: string;
}

/** The folders and files of the tree, each with what its line says. */
function readTree(): TreeLine[] {
  const [, tree = ""] = /^## The tree\n+```\n(.*?)^```$/ms.exec(readText("CONTRIBUTING.md")) ?? [];
  const parents: string[] = [];
  return tree.split("\n").flatMap((line) => {
    const [, indent = "", names = "", text = ""] =
      /^( *)(\S+(?:\/|\.ts)(?: +\S+\/(?= |$))*) *(.*)$/.exec(line) ?? [];
    const depth = indent.length / 2;
    return names
      .split(" ")
      .filter(Boolean)
      .map((name) => {
        const path = join(parents[depth - 1] ?? "", name);
        parents[depth] = path;
        return { path, text };
      });
  });
}

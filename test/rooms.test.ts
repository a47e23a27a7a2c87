// docs/design.md is true of the files: its picture is that of the imports, and the paths that it names exist.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { countFloors, listArrows, readRoomGraph, redraw } from "../scripts/draw-rooms.ts";
import { ROOT } from "./program.ts";

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

test("docs/design.md names files and folders that exist", () => {
  const document = readFileSync(join(ROOT, "docs/design.md"), "utf8");
  const paths = [...document.matchAll(/`((?:[\w.-]+\/)+(?:[\w.-]+\.tsx?)?)`/g)].map(([, path]) => path!);
  expect(paths.length).toBeGreaterThan(15);
  const exists = (path: string) => ["", "src"].some((folder) => existsSync(join(ROOT, folder, path)));
  expect(paths.filter((path) => !exists(path))).toEqual([]);
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

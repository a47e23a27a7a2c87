// The watcher on the real file system: how editors save, what is left out, and what happens to folders.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rename, rm, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { watchFiles, type FileWatch } from "../../src/watch/file-watch.ts";
import { selectFolder } from "../../src/watch/folder-selection.ts";
import { selectGlob } from "../../src/watch/glob-selection.ts";
import type { FileSelection } from "../../src/watch/selection.ts";
import { findServerPlace } from "../../src/watch/server-place.ts";
import { until } from "../acceptance/until.ts";

let folder: string;
let watch: FileWatch | undefined;
let changes: string[][];
let lines: string[];
let files: readonly string[];

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "mcp-expose-watch-")));
  changes = [];
  lines = [];
});

afterEach(async () => {
  await watch?.close();
  watch = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function put(name: string, text = name): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), text);
}

async function open(selections: readonly FileSelection[], polls?: boolean): Promise<void> {
  const tell = (line: string) => void lines.push(line);
  watch = watchFiles({
    selections,
    onChange: (change) => changes.push(change.files.map((file) => relative(folder, file))),
    log: { info: tell, warn: tell, debug: () => {} },
    rootInterval: 50,
    ...(polls !== undefined && { polls }),
  });
  files = (await watch.ready).map((file) => relative(folder, file)).sort();
}

/** The folder of a server, as `--watch` without a glob has it. */
function ownFolder(server = "server.js", store?: string): FileSelection[] {
  const place = findServerPlace({ path: join(folder, server), words: [], cwd: folder, home: "/home/nobody" });
  return [selectFolder(place, store)];
}

const globs = (...patterns: string[]) => patterns.map((pattern) => selectGlob({ pattern, folder }));

/** Waits for the change that `act` makes; what came before is forgotten. */
async function change(act: () => Promise<unknown>): Promise<string[][]> {
  changes.length = 0;
  await act();
  await until("the change is told", () => changes.length > 0);
  await settle();
  return [...changes];
}

/** Whatever happened before this has been told: another file's change comes behind it. */
async function settle(): Promise<void> {
  const mark = `mark-${crypto.randomUUID()}.js`;
  await put(mark);
  await until("the mark is told", () => changes.flat().includes(mark));
  for (const files of changes) files.splice(0, files.length, ...files.filter((file) => file !== mark));
  for (let at = changes.length - 1; at >= 0; at--) if (changes[at]!.length === 0) changes.splice(at, 1);
}

describe("a save is one change", () => {
  beforeEach(async () => {
    await put("server.js", "0");
    await put("package.json");
    await open(ownFolder());
  });
  const path = () => join(folder, "server.js");

  test.each([
    ["by writing", (round: number) => writeFile(path(), `w${round}`)],
    [
      "by renaming another file",
      async (round: number) => {
        await writeFile(`${path()}.tmp`, `r${round}`);
        await rename(`${path()}.tmp`, path());
      },
    ],
    [
      "by moving the old one away, as vim does",
      async (round: number) => {
        await writeFile(join(folder, "4913"), "");
        await unlink(join(folder, "4913"));
        await rename(path(), `${path()}~`);
        await writeFile(path(), `v${round}`);
        await unlink(`${path()}~`);
      },
    ],
    [
      "by removing and making it",
      async (round: number) => {
        await unlink(path());
        await writeFile(path(), `u${round}`);
      },
    ],
  ])("%s", async (_name, save) => {
    for (let round = 0; round < 5; round++) expect(await change(() => save(round))).toEqual([["server.js"]]);
  });

  test("of many files, too", async () => {
    const names = ["a.js", "b.js", "server.js"];
    expect(await change(() => Promise.all(names.map((name) => put(name, "new"))))).toEqual([names]);
  });

  test("a file that is saved as it was, or only touched, has not changed", async () => {
    await change(() => writeFile(path(), "same"));
    changes.length = 0;
    await writeFile(path(), "same");
    await utimes(path(), new Date(), new Date());
    await settle();
    expect(changes).toEqual([]);
  });

  test("what editors write beside the file is none", async () => {
    for (const name of ["4913", "server.js~", ".#server.js", ".server.js.swp", ".DS_Store", "#server.js#"])
      await put(name);
    await settle();
    expect(changes).toEqual([]);
  });

  test("a save every 10 ms is told again and again", async () => {
    let last = 0;
    const end = performance.now() + 4_000;
    while (performance.now() < end) {
      await writeFile(path(), String(last++));
      await Bun.sleep(10);
    }
    expect(changes.length).toBeGreaterThanOrEqual(2);
    expect(changes.length).toBeLessThanOrEqual(10);
  });
});

describe("without a glob the server's folder is watched", () => {
  test("less what Git leaves out, caches, build output, data and our own store", async () => {
    const counted = [
      ".gitignore",
      "package.json",
      "server.js",
      "lib/a.js",
      "lib/.gitignore",
      "lib/keep.gen.js",
    ];
    const leftOut = [
      "node_modules/x/index.js",
      ".git/HEAD",
      "dist/out.js",
      "build/out.js",
      ".venv/bin/python",
    ];
    leftOut.push("__pycache__/x.pyc", "coverage/lcov.info", "server.log", "data.sqlite", "data.sqlite-wal");
    leftOut.push("secret/x.js", "lib/x.gen.js", "lib/deep/y.gen.js", "state/state.db", "state/other");
    for (const name of [...counted, ...leftOut]) await put(name);
    await put(".gitignore", "secret/\n*.gen.js\n");
    await put("lib/.gitignore", "!keep.gen.js\n");
    await open(ownFolder("server.js", join(folder, "state/state.db")));
    expect(files).toEqual(counted.toSorted());
    for (const name of leftOut) await put(name, "changed");
    await settle();
    expect(changes).toEqual([]);
    expect(await change(() => put("lib/a.js", "changed"))).toEqual([["lib/a.js"]]);
  });

  test("a server in dist/ is watched there, although Git leaves that out", async () => {
    for (const name of ["package.json", "src/server.ts", "dist/server.js", "dist/lib/a.js", "build/x.js"])
      await put(name);
    await put(".gitignore", "dist\n");
    await open(ownFolder("dist/server.js"));
    expect(files).toEqual([".gitignore", "dist/lib/a.js", "dist/server.js", "package.json", "src/server.ts"]);
    expect(await change(() => put("dist/lib/a.js", "new"))).toEqual([["dist/lib/a.js"]]);
  });

  test("the server's project begins at its package.json or pyproject.toml, never at a home folder", async () => {
    await put("package.json");
    await put("deep/py/pyproject.toml");
    await put("deep/py/src/server.py");
    await put("deep/js/server.js");
    await put("server.js");
    const find = (path: string, home = "/home/nobody") =>
      findServerPlace({ path: join(folder, path), words: [], cwd: folder, home });
    expect(find("deep/py/src/server.py").folder).toBe(join(folder, "deep/py"));
    expect(find("deep/js/server.js").folder).toBe(folder);
    expect(find("deep/js/server.js", folder)).toMatchObject({
      folder: join(folder, "deep/js"),
      isShallow: false,
    });
    expect(find("server.js", folder)).toMatchObject({ folder, isShallow: true });
  });

  test("of a program on PATH it is the current folder, and the script it is given counts", async () => {
    for (const name of ["package.json", "build/index.js", "src/index.ts"]) await put(name);
    const words = ["--inspect", "build/index.js", "/etc/passwd"];
    const place = findServerPlace({ path: undefined, words, cwd: folder, home: "/home/nobody" });
    expect(place).toEqual({ folder, isShallow: false, files: [join(folder, "build/index.js")] });
    await open([selectFolder(place, undefined)]);
    expect(files).toEqual(["build/index.js", "package.json", "src/index.ts"]);
  });

  test("a home folder is not looked into", async () => {
    await put("server.js");
    await put("photos/1.js");
    const place = findServerPlace({ path: join(folder, "server.js"), words: [], cwd: folder, home: folder });
    await open([selectFolder(place, undefined)]);
    expect(files).toEqual(["server.js"]);
  });

  test("a change of .gitignore is read, and is no change itself", async () => {
    for (const name of ["package.json", "server.js", "data/a.json"]) await put(name);
    await open(ownFolder());
    expect(await change(() => put("data/a.json", "1"))).toEqual([["data/a.json"]]);
    changes.length = 0;
    await put(".gitignore", "data\n");
    await settle();
    await put("data/a.json", "2");
    await settle();
    expect(changes).toEqual([]);
    await put(".gitignore", "\n");
    await settle();
    expect(changes).toEqual([]);
    expect(await change(() => put("data/a.json", "3"))).toEqual([["data/a.json"]]);
  });

  test("links in a circle and folders that cannot be read stop nothing", async () => {
    await put("server.js");
    await put("lib/a.js");
    await put("closed/a.js");
    await symlink(folder, join(folder, "lib/loop"));
    await symlink("nowhere", join(folder, "lib/dead"));
    await Bun.$`chmod 000 ${join(folder, "closed")}`;
    await open(ownFolder());
    expect(await change(() => put("lib/a.js", "new"))).toEqual([["lib/a.js"]]);
    await Bun.$`chmod 755 ${join(folder, "closed")}`;
    expect(lines).toEqual([]);
  });
});

describe("globs", () => {
  test("name exactly what is watched", async () => {
    for (const name of [
      "src/a.ts",
      "src/deep/b.ts",
      "src/a.js",
      "x.json",
      "deep/y.json",
      "node_modules/z.json",
    ])
      await put(name);
    await put("plain/any.txt");
    await open(globs("src/**/*.ts", "*.json", "plain", "mark-*.js"));
    expect(files).toEqual(["plain/any.txt", "src/a.ts", "src/deep/b.ts", "x.json"]);
    await put("src/a.js", "new");
    await put("deep/y.json", "new");
    await settle();
    expect(changes).toEqual([]);
    expect(await change(() => put("src/new/c.ts"))).toEqual([["src/new/c.ts"]]);
  });

  test("look into node_modules when they name it, and into dist", async () => {
    for (const name of ["node_modules/x/a.js", "dist/a.js", ".git/a.js"]) await put(name);
    await open(globs("node_modules/x/*.js", "**/*.js"));
    expect(files).toEqual(["dist/a.js", "node_modules/x/a.js"]);
  });

  test("that name nothing yet are watched for what comes", async () => {
    await put("a.json");
    await open(globs("later/**/*.ts", "*.json", "mark-*.js"));
    expect(files).toEqual(["a.json"]);
    expect(await change(() => put("later/a/b.ts"))).toEqual([["later/a/b.ts"]]);
    expect(await change(() => put("later/a/b.ts", "new"))).toEqual([["later/a/b.ts"]]);
  });
});

test("where nothing is there yet, the watch is ready all the same", async () => {
  await open(globs("later/*.js", "plain.js"));
  expect(files).toEqual([]);
  await put("plain.js");
  await until("the change is told", () => changes.length > 0);
  for (let round = 0; round < 3; round++) {
    changes.length = 0;
    await unlink(join(folder, "plain.js"));
    await put("plain.js", `${round}`);
    await until("the change is told", () => changes.length > 0);
  }
  expect(changes.flat()).toEqual(["plain.js"]);
});

describe("folders that go and come", () => {
  beforeEach(async () => {
    for (const name of ["package.json", "server.js", "lib/a.js", "lib/deep/b.js"]) await put(name);
  });

  test("a folder that is made anew at once, as builds do, is seen again", async () => {
    await open(ownFolder());
    for (let round = 0; round < 5; round++) {
      const told = await change(async () => {
        rmSync(join(folder, "lib"), { recursive: true });
        mkdirSync(join(folder, "lib"));
        writeFileSync(join(folder, "lib/a.js"), `${round}`);
      });
      expect(told.flat()).toContain("lib/a.js");
      expect(await change(() => put("lib/a.js", `again ${round}`))).toEqual([["lib/a.js"]]);
    }
  });

  test("the watched folder itself goes away and comes back", async () => {
    await open(globs("lib/**", "mark-*.js"));
    for (let round = 0; round < 3; round++) {
      await change(() => rm(join(folder, "lib"), { recursive: true }));
      await until("it is said to be gone", () => lines.length > round);
      const told = await change(() => put("lib/a.js", `${round}`));
      expect(told).toEqual([["lib/a.js"]]);
      expect(await change(() => put("lib/a.js", `again ${round}`))).toEqual([["lib/a.js"]]);
    }
    expect(new Set(lines)).toEqual(
      new Set([`"${join(folder, "lib")}" is gone. It is watched again when it comes back.`]),
    );
  });

  test("a file that comes when its new folder was read, and is not watched yet, is told and watched", async () => {
    const [own] = ownFolder() as [FileSelection];
    let isEarly = true;
    const leavesOut: FileSelection["leavesOut"] = (path, isFolder) => {
      if (isEarly && isFolder === false && path === join(folder, "new/a.js")) {
        isEarly = false;
        writeFileSync(join(folder, "new/b.js"), "0");
      }
      return own.leavesOut(path, isFolder);
    };
    await open([{ ...own, leavesOut }]);
    const told = await change(async () => {
      mkdirSync(join(folder, "new"));
      writeFileSync(join(folder, "new/a.js"), "0");
    });
    expect(told).toEqual([["new/a.js", "new/b.js"]]);
    expect(await change(() => put("new/b.js", "new"))).toEqual([["new/b.js"]]);
  });

  test("another one takes its place", async () => {
    await open(globs("lib/**", "mark-*.js"));
    await put("other/a.js", "other");
    await change(async () => {
      await rename(join(folder, "lib"), join(folder, "old"));
      await rename(join(folder, "other"), join(folder, "lib"));
    });
    expect(await change(() => put("lib/a.js", "again"))).toEqual([["lib/a.js"]]);
  });
});

test("without events files are polled", async () => {
  for (const name of ["package.json", "server.js"]) await put(name);
  await open(ownFolder(), true);
  expect(await change(() => put("server.js", "new"))).toEqual([["server.js"]]);
  expect(await change(() => put("lib/new.js"))).toEqual([["lib/new.js"]]);
});

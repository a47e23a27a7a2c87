// The process itself, without the program around it.
import { afterEach, expect, test } from "bun:test";
import type { Child, ChildExit } from "../../src/child/child.ts";
import { createSpawner } from "../../src/child/spawn.ts";
import { isAlive, until, within } from "../eras/wire.ts";

const started: Child[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => child.close()));
});

interface Oversize {
  length: number;
  head: string;
  tail: string;
}

/** Runs a line of shell and gathers what is reported of it. */
function run(line: string, { maxLine = 1024, env = {} } = {}) {
  const lines: string[] = [];
  const oversize: Oversize[] = [];
  const stderr: string[] = [];
  const exit = Promise.withResolvers<ChildExit>();
  let exits = 0;
  const start = createSpawner({
    command: { file: "/bin/sh", args: ["-c", line], env: {}, viaShell: false, name: "", target: "" },
    cwd: "/",
    env: { PATH: process.env["PATH"], GIVEN: "to all" },
    maxLine,
    grace: 200,
  });
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  const child = start(
    {
      line: (line) => void lines.push(text(line)),
      oversize: (length, head, tail) => void oversize.push({ length, head: text(head), tail: text(tail) }),
      stderr: (line) => void stderr.push(line),
      exit(how) {
        exits++;
        exit.resolve(how);
      },
    },
    { owner: { kind: "launch" }, env },
  );
  started.push(child);
  return { child, lines, oversize, stderr, exit: () => within(exit.promise, "the exit"), exits: () => exits };
}

test("a line over the limit is reported, and the lines around it pass", async () => {
  const { lines, oversize, exit } = run(`echo one; head -c 5000 /dev/zero | tr '\\0' x; echo; echo two`);
  await exit();
  expect(lines).toEqual(["one", "two"]);
  expect(oversize.map(({ length }) => length)).toEqual([5000]);
});

test("the environment of one process is added to that of all", async () => {
  const script = 'echo "$GIVEN $OWN"';
  const common = run(script);
  const own = run(script, { env: { GIVEN: "to one", OWN: "too" } });
  await Promise.all([common.exit(), own.exit()]);
  expect([common.lines, own.lines]).toEqual([["to all "], ["to one too"]]);
});

test("an exit is reported once, after all that was written, with its status and the end of its stderr", async () => {
  const { lines, stderr, exit, exits } = run(
    "echo out; for n in $(seq 60); do echo word $n >&2; done; exit 9",
  );
  expect(await exit()).toMatchObject({ code: 9, signal: null });
  expect((await exit()).stderrTail).toEqual(Array.from({ length: 50 }, (_, at) => `word ${at + 11}`));
  expect([lines, stderr.length, exits()]).toEqual([["out"], 60, 1]);
});

test("a death by signal is told by its name", async () => {
  expect(await run("kill -SEGV $$").exit()).toMatchObject({ code: null, signal: "SIGSEGV" });
});

test("an exit is told although a grandchild holds stdout open, and the grandchild goes", async () => {
  const { lines, exit } = run("sleep 300 & echo $!; exit 4");
  expect((await exit()).code).toBe(4);
  await until("the grandchild to be gone", () => !isAlive(Number(lines[0])));
});

test("a close is no exit, and may be asked for twice; what is sent afterwards is dropped", async () => {
  const { child, exits } = run("cat");
  await Promise.all([child.close(), child.close()]);
  child.send(Buffer.from("late"));
  expect([exits(), isAlive(child.pid)]).toEqual([0, false]);
});

test("what ends by itself when its stdin ends is not killed", async () => {
  const { child, lines } = run('cat >/dev/null; echo "goodbye"');
  await child.close();
  // Nothing is told once the end was asked for or not; what counts is that it got there.
  expect(isAlive(child.pid)).toBeFalse();
  expect(lines).toEqual(["goodbye"]);
});

test("messages arrive whole, in order, however large", async () => {
  const { child, lines, exit } = run("head -c 3000010 | wc -c; exit 0", { maxLine: 10 });
  child.send(Buffer.alloc(3_000_000, "x"));
  child.send(Buffer.from("12345678"));
  await exit();
  expect(lines.map((line) => line.trim())).toEqual(["3000010"]);
});

test("all that a process has written is told, also if it ended while nobody read", async () => {
  const { child, lines, exit } = run("read -r _; seq 5000; exit 3");
  child.read(false);
  child.send(Buffer.from("go"));
  expect((await exit()).code).toBe(3);
  expect([lines.length, lines.at(-1)]).toEqual([5000, "5000"]);
});

test("a process that has closed its stdin and lives on is ended, and that is said", async () => {
  expect(await run("exec <&-; sleep 300").exit()).toMatchObject({ fault: "closed its stdin" });
});

// Restarts that a server causes itself come to an end, and those that a person wants do not.
import { expect, test } from "bun:test";
import { createLoopGuard } from "../../src/watch/loop-guard.ts";

/** A guard on a clock of its own, and a server that answers at once. @param writes what the server changes when it starts */
function open(writes: () => readonly string[]) {
  let time = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  const restarts: { at: number; files: readonly string[] }[] = [];
  const warnings: string[] = [];
  const guard = createLoopGuard({
    async restart({ files }) {
      restarts.push({ at: time, files });
      const written = writes();
      if (written.length > 0) timers.add({ at: time + 100, run: () => guard.changed({ files: written }) });
    },
    isSource: (file) => file === "/server.ts",
    name: ({ files }) => files.join(", "),
    log: { warn: (line) => void warnings.push(line) },
    now: () => time,
    startTimer(ms, run) {
      const timer = { at: time + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  });
  /** Lets time pass. */
  const pass = async (ms: number) => {
    const end = time + ms;
    for (;;) {
      await Promise.resolve().then(() => Bun.sleep(0));
      const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      timers.delete(next);
      time = next.at;
      next.run();
    }
    time = end;
  };
  return { guard, pass, restarts, warnings, save: (...files: string[]) => guard.changed({ files }) };
}

test("a file that every start of the server changes restarts it no more, which is said with what to do", async () => {
  const { save, pass, restarts, warnings } = open(() => ["/data/state.json"]);
  save("/server.ts");
  await pass(600_000);
  expect(restarts.length).toBeLessThan(10);
  expect(warnings).toEqual([
    "Changed each time the server starts: /data/state.json. Restarts are put off. If the server writes it, name it in .gitignore, or say with --watch=GLOB what to watch.",
    "Changes restart nothing any more of what the server writes itself: /data/state.json.",
  ]);
  const before = restarts.length;
  save("/server.ts", "/data/state.json");
  await pass(600_000);
  expect(restarts.slice(before).map(({ files }) => files)).toEqual([["/server.ts"]]);
});

test("files of a new name at every start are written less and less often", async () => {
  let count = 0;
  const { save, pass, restarts } = open(() => [`/data/run-${++count}.json`]);
  save("/server.ts");
  await pass(600_000);
  expect(restarts.length).toBeLessThan(20);
});

test("the file that is run restarts the server at every save", async () => {
  const { save, pass, restarts, warnings } = open(() => []);
  for (let saves = 0; saves < 50; saves++) {
    save("/server.ts");
    await pass(50);
  }
  expect(restarts).toHaveLength(50);
  expect(warnings).toEqual([]);
});

test("a person who saves a file all the time waits, but no save is lost, and another file waits for nothing", async () => {
  const { save, pass, restarts, warnings } = open(() => []);
  for (let saves = 0; saves < 200; saves++) {
    save("/lib/a.ts");
    await pass(400);
  }
  expect(warnings).toHaveLength(1);
  const lastSave = 199 * 400;
  save("/web/b.ts");
  expect(restarts.at(-1)!.files).toContain("/web/b.ts");
  save("/web/b.ts");
  await pass(60_000);
  save("/lib/a.ts");
  expect(restarts.at(-1)!.files).toEqual(["/lib/a.ts"]);
  expect(restarts.at(-1)!.at).toBeGreaterThan(lastSave);
});

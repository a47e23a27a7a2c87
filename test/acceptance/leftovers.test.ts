// What `npm test` finds at its end: a process that a test has left running, however well it hid.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { HAS_PROC, isRunning } from "../faults/machine.ts";
import { until } from "./until.ts";

const LEFTOVERS = JSON.stringify(join(import.meta.dir, "../../scripts/leftovers.ts"));

async function runAfter(command: string): Promise<string[]> {
  const script = `
    import { adoptOrphans } from ${LEFTOVERS};
    const adoption = adoptOrphans(() => false);
    Bun.spawnSync(["/bin/sh", "-c", ${JSON.stringify(command)}], { stdio: ["ignore", "ignore", "ignore"] });
    console.log(JSON.stringify(await adoption.endLeftovers(300)));`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await child.stdout.text()) as string[];
}

test.skipIf(!HAS_PROC)(
  "found 27: an orphan with a session and an environment of its own is found, named and ended",
  async () => {
    const [left, ...others] = await runAfter("env -i setsid sleep 3600 &");
    expect([left, others]).toEqual([expect.stringMatching(/^\d+ sleep 3600$/), []]);
    await until("it is gone", () => !isRunning(parseInt(left!)));
  },
);

test.skipIf(!HAS_PROC)("a process that has ended is not a leftover", async () => {
  expect(await runAfter("env -i setsid true &")).toEqual([]);
});

// A process counts as closed when everything in its group is gone: the next one may want the port that is still held.
import { expect, test } from "bun:test";
import { createSpawner } from "../../src/child/spawn.ts";
import { isGroupRunning } from "../../src/child/group-members.ts";

/** The one that is spoken to ends with its stdin; the other takes a while to end when it is killed, for it holds much memory. */
const SCRIPT = `
  const other = Bun.spawn([process.execPath, "-e", "globalThis.held = Buffer.alloc(400_000_000, 1); console.log('{}'); setInterval(() => {}, 1_000)"], { stdin: "ignore" });
  for await (const chunk of other.stdout) { process.stdout.write(chunk); break; }
  for await (const _ of process.stdin);
  process.exit(0);
`;

test.skipIf(process.platform === "win32")(
  "what a process has started is gone when its close resolves",
  async () => {
    const command = {
      file: process.execPath,
      args: ["-e", SCRIPT],
      env: {},
      viaShell: false,
      name: "x",
      target: "x",
    };
    const start = createSpawner({ command, cwd: ".", env: process.env, maxLine: 1_000, grace: 1_000 });
    const ready = Promise.withResolvers<void>();
    const events = { line: () => ready.resolve(), oversize() {}, stderr() {}, exit() {} };
    const child = start(events, { owner: { kind: "launch" }, env: {} });
    await ready.promise;
    expect(isGroupRunning(child.pid)).toBe(true);
    await child.close();
    expect(isGroupRunning(child.pid)).toBe(false);
  },
);

// Which ports a server listens on, asked of the system: also when it was started by something else, as npx does.
import { expect, test } from "bun:test";
import { createSpawner } from "../../src/child/spawn.ts";
import { listListeningPorts } from "../../src/child/listening-ports.ts";
import { fixture, until } from "../eras/wire.ts";

function start(server: string) {
  const script = `"${process.execPath}" "${fixture(server)}"; true`;
  const command = {
    file: "/bin/sh",
    args: ["-c", script],
    env: {},
    viaShell: false,
    name: server,
    target: server,
  };
  const stderr: string[] = [];
  const spawn = createSpawner({ command, cwd: ".", env: process.env, maxLine: 1_000_000, grace: 1_000 });
  const events = {
    line() {},
    oversize() {},
    exit() {},
    stderr: (line: string) => void stderr.push(line),
  };
  const child = spawn(events, { owner: { kind: "launch" }, env: {} });
  return { child, stderr, [Symbol.asyncDispose]: child.close };
}

test.skipIf(process.platform === "win32")(
  "found 33: the port of what a process has started is found",
  async () => {
    await using server = start("http-by-mistake");
    await until("it listens", () => server.stderr.length > 0);
    const port = Number(/\d+$/.exec(server.stderr[0]!)?.[0]);
    expect(listListeningPorts(server.child.pid)).toEqual([port]);
  },
);

test("found 33: a server that listens on none has none, and neither has one that is gone", async () => {
  await using server = start("obedient");
  expect(listListeningPorts(server.child.pid)).toEqual([]);
  await server.child.close();
  expect(listListeningPorts(server.child.pid)).toEqual([]);
});

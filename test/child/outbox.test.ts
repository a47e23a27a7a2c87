// What is sent to a process arrives whole and in order, however large and however slowly it is read.
import { expect, test } from "bun:test";
import { createOutbox, type Outbox } from "../../src/child/outbox.ts";
import { startPosixProcess } from "../../src/child/posix-process.ts";
import type { Process } from "../../src/child/process.ts";

const MEGABYTE = 1024 * 1024;

function startCat(limit: number): { child: Process; outbox: Outbox; output: Promise<string> } {
  const chunks: Uint8Array[] = [];
  const ended = Promise.withResolvers<string>();
  const options = { file: "cat", args: [], cwd: ".", env: process.env, viaShell: false };
  const child = startPosixProcess(options, {
    stdout: (chunk) => void chunks.push(chunk),
    stdoutEnded: () => ended.resolve(Buffer.concat(chunks).toString()),
    stderr: () => {},
    stderrEnded: () => {},
    stdinEnded: () => {},
    drained: () => outbox.drained(),
    exited: () => {},
    failed: ended.reject,
  });
  const outbox = createOutbox(child, limit);
  return { child, outbox, output: ended.promise.finally(() => child.release()) };
}

test("small and large messages arrive in order, each on its line, before the end", async () => {
  const { outbox, output } = startCat(64 * MEGABYTE);
  const sizes = [1, 70_000, 3, 2 * MEGABYTE, 64 * 1024, 64 * 1024 - 1, 0, 5];
  const messages = sizes.map((size, index) => String(index).repeat(size));
  for (const message of messages) expect(outbox.send(Buffer.from(message))).toBe(true);
  outbox.end();
  expect((await output) === messages.map((message) => `${message}\n`).join("")).toBe(true);
});

test("a process that does not read is sent no more than may wait, and all of that when it reads", async () => {
  const { child, outbox, output } = startCat(4 * MEGABYTE);
  process.kill(-child.pid!, "SIGSTOP");
  const message = Buffer.alloc(MEGABYTE, "x");
  const accepted = Array.from({ length: 8 }, () => outbox.send(message)).filter(Boolean).length;
  expect(accepted).toBeGreaterThanOrEqual(4);
  expect(accepted).toBeLessThan(8);
  process.kill(-child.pid!, "SIGCONT");
  outbox.end();
  expect((await output).length).toBe(accepted * (MEGABYTE + 1));
});

// What is sent to a process arrives whole and in order, however large and however slowly it is read.
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { createOutbox } from "../../src/child/outbox.ts";

const MEGABYTE = 1024 * 1024;

test("small and large messages arrive in order, each on its line, before the end", async () => {
  const child = spawn("cat", { stdio: ["pipe", "pipe", "inherit"] });
  const outbox = createOutbox(child.stdin, 64 * MEGABYTE);
  const sizes = [1, 70_000, 3, 2 * MEGABYTE, 64 * 1024, 64 * 1024 - 1, 0, 5];
  const messages = sizes.map((size, index) => String(index).repeat(size));
  for (const message of messages) expect(outbox.send(Buffer.from(message))).toBe(true);
  outbox.end();
  const received = await text(child.stdout);
  expect(received === messages.map((message) => `${message}\n`).join("")).toBe(true);
});

test("a process that does not read is sent no more than may wait, and all of that when it reads", async () => {
  const child = spawn("sh", ["-c", "read -r _ <&3; cat"], { stdio: ["pipe", "pipe", "inherit", "pipe"] });
  const [stdin, stdout, go] = [child.stdin!, child.stdout!, child.stdio[3] as Writable];
  const outbox = createOutbox(stdin, 4 * MEGABYTE);
  const message = Buffer.alloc(MEGABYTE, "x");
  const accepted = Array.from({ length: 8 }, () => outbox.send(message)).filter(Boolean).length;
  expect(accepted).toBeGreaterThanOrEqual(4);
  expect(accepted).toBeLessThan(8);
  go.write("\n");
  outbox.end();
  expect((await text(stdout)).length).toBe(accepted * (MEGABYTE + 1));
});

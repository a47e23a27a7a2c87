// One timer for many waits: each rings in its own time, whatever became of the others.
import { expect, test } from "bun:test";
import { createPatience } from "../../src/eras/patience.ts";

/** Begins a wait. @returns resolves with the milliseconds that it took */
function begin({ expect: expectRing }: ReturnType<typeof createPatience>): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve) => expectRing(() => resolve(performance.now() - begun)));
}

test("each wait is over when its own time is, and not when that of an older one is", async () => {
  const patience = createPatience(60);
  const first = begin(patience);
  const second = new Promise<number>((resolve) => setTimeout(() => resolve(begin(patience)), 30));
  for (const waited of [await first, await second]) expect(waited).toBeGreaterThanOrEqual(59);
});

test("a wait that was forgotten does not ring, and those after it do", async () => {
  const patience = createPatience(20);
  let isRung = false;
  const ring = () => (isRung = true);
  patience.expect(ring);
  const next = begin(patience);
  patience.forget(ring);
  expect(await next).toBeGreaterThanOrEqual(19);
  expect(isRung).toBe(false);
  // The timer had nothing left to wait for.
  expect(await begin(patience)).toBeGreaterThanOrEqual(19);
});

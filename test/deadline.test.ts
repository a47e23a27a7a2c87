// A wait with a limit ends with the work, or with the limit, and leaves no timer behind.
import { expect, test } from "bun:test";
import { settlesWithin, within } from "../src/deadline.ts";
import { messageOf } from "../src/errors.ts";

const HOUR = 60 * 60_000;
const never = new Promise<never>(() => {});

test("work that is done in time is returned", async () => {
  expect(await within(HOUR, Promise.resolve("done"))).toBe("done");
});

test("work that fails in time fails", async () => {
  expect(await within(HOUR, Promise.reject(new Error("broken"))).catch(messageOf)).toBe("broken");
});

test("late work is undefined, or what stands in for it", async () => {
  expect(await within(1, never)).toBeUndefined();
  expect(await within(1, never, () => "silent")).toBe("silent");
});

test("late work fails where that is asked for", async () => {
  const late = () => {
    throw new Error("too late");
  };
  expect(await within(1, never, late).catch(messageOf)).toBe("too late");
});

test("work that fails after its time rejects nothing", async () => {
  const work = Promise.withResolvers<string>();
  expect(await within(1, work.promise)).toBeUndefined();
  work.reject(new Error("nobody waits for this"));
  await work.promise.catch(() => {});
});

test("a wait that is over keeps no program alive", async () => {
  const script = `import { within } from ${JSON.stringify(`${import.meta.dir}/../src/deadline.ts`)};
    await within(${HOUR}, Promise.resolve());
    await within(${HOUR}, Promise.reject(new Error())).catch(() => {});`;
  const run = Bun.spawn([process.execPath, "-e", script], { stdout: "inherit", stderr: "inherit" });
  expect(await run.exited).toBe(0);
});

test("work settles in time whether it succeeds or fails", async () => {
  expect(await settlesWithin(Promise.resolve(), HOUR)).toBe(true);
  expect(await settlesWithin(Promise.reject(new Error("broken")), HOUR)).toBe(true);
  expect(await settlesWithin(never, 1)).toBe(false);
});

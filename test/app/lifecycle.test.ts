// The start, the end and `ready` of a run, without a process: what opens, fails and closes here are plain functions.
import { expect, test } from "bun:test";
import { type Lifecycle, runLifecycle } from "../../src/app/lifecycle.ts";
import { UserError } from "../../src/errors.ts";

/** What a run has done and said, in order. */
function createRun() {
  const said: string[] = [];
  const abort = new AbortController();
  const options = {
    signal: abort.signal,
    log: { debug: (line: string) => said.push(line), warn: (line: string) => said.push(`warning: ${line}`) },
    onReady: (url: string) => said.push(`ready ${url}`),
    onFailed: (thrown: unknown) => said.push(`failed: ${(thrown as Error).message}`),
    onStopped: () => said.push("stopped"),
    closeWithin: 20,
  };
  const step = (lifecycle: Lifecycle<string>, what: string) =>
    lifecycle.open(
      what,
      () => void said.push(`open ${what}`),
      () => void said.push(`close ${what}`),
    );
  return { said, abort, options, step };
}

const NO_TUNNEL = new UserError("no tunnel", undefined, 1);

test("opens in order, says ready when the server has answered, and closes the last first", async () => {
  const { said, options, step } = createRun();
  const answered = Promise.withResolvers<void>();
  const { stop, stopped } = await runLifecycle<string, Lifecycle<string>>(options, async (lifecycle) => {
    await step(lifecycle, "one");
    await step(lifecycle, "two");
    const ready = lifecycle.ready(answered.promise, () => "url");
    await Promise.resolve();
    said.push("the server answers");
    answered.resolve();
    await ready;
    return lifecycle;
  });
  await stop(0);
  expect(said).toEqual([
    "open one",
    "open two",
    "the server answers",
    "ready url",
    "close two",
    "close one",
    "stopped",
  ]);
  expect(await stopped).toBe(0);
});

test("a step that fails closes the others, then says failed, and never ready", async () => {
  const { said, options, step } = createRun();
  const run = runLifecycle(options, async (lifecycle) => {
    await step(lifecycle, "one");
    await lifecycle.open(
      "two",
      () => Promise.reject(NO_TUNNEL),
      () => said.push("close two"),
    );
    await lifecycle.ready(Promise.resolve(), () => "url");
  });
  expect(await run.catch((thrown: unknown) => thrown)).toBe(NO_TUNNEL);
  expect(said).toEqual(["open one", "close one", "failed: no tunnel"]);
});

test.each([
  ["while a step is being opened", (lifecycle: Lifecycle<string>) => openForever(lifecycle)],
  ["while the server is waited for", (lifecycle: Lifecycle<string>) => awaitForever(lifecycle)],
])("a failure from elsewhere %s rejects the start at once", async (_, wait) => {
  const { said, options } = createRun();
  const run = runLifecycle(options, async (lifecycle) => {
    const waiting = wait(lifecycle);
    lifecycle.fail(NO_TUNNEL);
    lifecycle.changed();
    await waiting;
  });
  expect(await run.catch((thrown: unknown) => thrown)).toBe(NO_TUNNEL);
  expect(said.filter((line) => !line.startsWith("close"))).toEqual(["failed: no tunnel"]);
});

function openForever(lifecycle: Lifecycle<string>): Promise<unknown> {
  const open = () =>
    new Promise<string>((resolve) =>
      lifecycle.signal.addEventListener("abort", () => resolve("opened too late")),
    );
  return lifecycle.open("the tunnel", open, () => {});
}

function awaitForever(lifecycle: Lifecycle<string>): Promise<unknown> {
  return lifecycle.ready(new Promise(() => {}), () => "url");
}

test("a failure in the same moment as the server's answer is a failed start", async () => {
  const { said, options } = createRun();
  const answered = Promise.withResolvers<void>();
  const run = runLifecycle(options, (lifecycle) => {
    // Behind the answer, and before anyone hears of it.
    void answered.promise.then(() => lifecycle.fail(NO_TUNNEL));
    const ready = lifecycle.ready(answered.promise, () => "url");
    answered.resolve();
    return ready;
  });
  expect(await run.catch((thrown: unknown) => thrown)).toBe(NO_TUNNEL);
  expect(said).toEqual(["failed: no tunnel"]);
});

test("what is opened after the start was given up is closed all the same, and nothing more is opened", async () => {
  const { said, abort, options, step } = createRun();
  const late = Promise.withResolvers<string>();
  const run = runLifecycle(options, async (lifecycle) => {
    const opening = lifecycle.open(
      "the tunnel",
      () => late.promise,
      (opened) => said.push(`close ${opened}`),
    );
    abort.abort("SIGINT");
    await opening.catch(() => {});
    await step(lifecycle, "another").catch(() => {});
    late.resolve("a late tunnel");
    await lifecycle.ready(Promise.resolve(), () => "url");
  });
  expect(await run.catch((thrown: unknown) => thrown)).toBe("SIGINT");
  // Neither `ready` nor `failed`: the person asked for it.
  expect(said).toEqual(["close a late tunnel"]);
});

test("a start that was given up before it began opens nothing", async () => {
  const { said, abort, options, step } = createRun();
  abort.abort("SIGTERM");
  const run = runLifecycle(options, (lifecycle) => step(lifecycle, "one"));
  expect(await run.catch((thrown: unknown) => thrown)).toBe("SIGTERM");
  expect(said).toEqual([]);
});

test("a change during the start says nothing of its own, a later one says ready again, and one while closing nothing", async () => {
  const { said, options } = createRun();
  let url = "first";
  const { changed, stop } = await runLifecycle<string, Lifecycle<string>>(options, async (lifecycle) => {
    url = "second";
    lifecycle.changed();
    await lifecycle.ready(Promise.resolve(), () => url);
    return lifecycle;
  });
  url = "third";
  changed();
  const stopping = stop(0);
  changed();
  await stopping;
  changed();
  expect(said).toEqual(["ready second", "ready third", "stopped"]);
});

test("a failure after ready stops the program with status 1, once, and says no `failed`", async () => {
  const { said, options, step } = createRun();
  const { fail, stop, stopped } = await runLifecycle<string, Lifecycle<string>>(
    options,
    async (lifecycle) => {
      await step(lifecycle, "one");
      await lifecycle.ready(Promise.resolve(), () => "url");
      return lifecycle;
    },
  );
  fail(NO_TUNNEL);
  fail(NO_TUNNEL);
  await stop(0);
  expect(await stopped).toBe(1);
  expect(said).toEqual(["open one", "ready url", "close one", "stopped"]);
});

test("a start that breaks after ready stops the program, and says no `failed`", async () => {
  const { said, options, step } = createRun();
  const run = runLifecycle(options, async (lifecycle) => {
    await step(lifecycle, "one");
    await lifecycle.ready(Promise.resolve(), () => "url");
    throw new Error("broken");
  });
  expect(await run.catch((thrown: unknown) => thrown)).toEqual(new Error("broken"));
  expect(said).toEqual(["open one", "ready url", "close one", "stopped"]);
});

test("an error of closing is logged with the step's name, and a step that does not end is given up", async () => {
  const { said, options, step } = createRun();
  const { stop } = await runLifecycle<string, Lifecycle<string>>(options, async (lifecycle) => {
    await step(lifecycle, "one");
    const refuse = () => {
      throw new Error("disk full");
    };
    await lifecycle.open("the store", () => {}, refuse);
    await lifecycle.open(
      "the tunnel",
      () => {},
      () => new Promise(() => {}),
    );
    await lifecycle.ready(Promise.resolve(), () => "url");
    return lifecycle;
  });
  await stop(0);
  expect(said).toEqual([
    "open one",
    "ready url",
    "warning: Gave up closing the tunnel: it took longer than 0.02 s.",
    "warning: Could not close the store: disk full",
    "close one",
    "stopped",
  ]);
});

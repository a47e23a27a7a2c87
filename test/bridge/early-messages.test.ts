// Log lines from before the first client reach that client, and no other.
import { expect, test } from "bun:test";
import { fixture, INITIALIZE, OPEN, openSession, post, readMessages, type Wire } from "../eras/wire.ts";
import { createStatelessClient, META } from "../matrix/stateless-wire.ts";
import { startProgram } from "../program.ts";

const start = (count: number) =>
  startProgram([...OPEN, "--process", "shared", fixture("talkative"), String(count)]);

const numbersOf = (messages: readonly Wire[]) =>
  messages.flatMap(({ method, params }) => (method === "notifications/message" ? [params?.["data"]] : []));

test("found 42: the first client with a session hears it, in order, and later ones on the same process do not", async () => {
  await using program = await start(3);
  const { url } = program.ready;
  const first = await readMessages(await post(url, INITIALIZE));
  expect(numbersOf(first)).toEqual([1, 2, 3]);
  expect(first.at(-1)?.result).toBeDefined();
  const second = await readMessages(await post(url, INITIALIZE));
  expect(numbersOf(second)).toEqual([]);
  const session = await openSession(url);
  expect(numbersOf(await readMessages(await session.start("x")))).toEqual([]);
});

test("found 42: no more of it is kept than a client without a stream may miss: the last hundred", async () => {
  await using program = await start(10_000);
  const numbers = numbersOf(await readMessages(await post(program.ready.url, INITIALIZE)));
  expect(numbers).toHaveLength(100);
  expect(numbers.at(-1)).toBe(10_000);
});

const logged = { meta: { [META.logLevel]: "info" } };

test("found 42: a client of 2026-07-28 hears it with its first call, if that asks for log lines, and no later one does", async () => {
  await using program = await start(3);
  const client = createStatelessClient(program.ready.url);
  await (await client.request("server/discover")).text();
  const first = await readMessages(await client.start("x", {}, logged));
  expect(numbersOf(first)).toEqual([1, 2, 3]);
  expect(numbersOf(await readMessages(await client.start("x", {}, logged)))).toEqual([]);
});

test.each([{}, { meta: { [META.logLevel]: "error" } }])(
  "found 42: a first call that does not want it ends it: %p",
  async (options) => {
    await using program = await start(3);
    const client = createStatelessClient(program.ready.url);
    expect(numbersOf(await readMessages(await client.start("x", {}, options)))).toEqual([]);
    expect(numbersOf(await readMessages(await client.start("x", {}, logged)))).toEqual([]);
  },
);

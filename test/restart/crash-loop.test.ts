// A server that keeps ending, without anybody having asked for a restart.
import { expect, setDefaultTimeout, test } from "bun:test";
import { openSession, until } from "../eras/wire.ts";
import { openReplaceable, running, textOf } from "./replaceable-server.ts";

setDefaultTimeout(120_000);

const OBEDIENT = running("fixtures/servers/obedient.ts");
const DYING = `console.error("Error: no database");\nprocess.exit(7);\n`;

test("after five ends in a row without an answer in between calls are told at once what it last wrote; a restart mends it", async () => {
  await using server = await openReplaceable(OBEDIENT);
  const session = await openSession(server.url);
  await session.call("echo");
  server.save(DYING);
  await session.call("crash");
  await until("it is given up", async () => textOf(await session.call("echo")).includes("no database"));
  expect(server.events.filter(({ state }) => state === "exited")).toHaveLength(5);
  expect(server.printed().match(/has ended 5 times in a row/g)).toHaveLength(1);
  const begun = performance.now();
  const answer = await session.call("echo");
  expect(answer.result).toMatchObject({ isError: true });
  expect(textOf(answer)).toContain("exited with status 7");
  expect(performance.now() - begun).toBeLessThan(1_000);
  expect(server.events.filter(({ state }) => state === "exited")).toHaveLength(5);

  server.save(OBEDIENT);
  await server.restart();
  expect((await session.call("echo")).result?.["isError"]).toBeUndefined();
  expect((await session.call("echo")).result).toBeDefined();
});

test("half a minute later a call starts it again; a tool that crashes it counts for nothing once another call was answered", async () => {
  let later = 0;
  await using server = await openReplaceable(OBEDIENT, { now: () => Date.now() + later });
  const session = await openSession(server.url);
  server.save(DYING);
  await session.call("crash");
  await until("it is given up", async () => textOf(await session.call("echo")).includes("no database"));
  server.save(OBEDIENT);
  expect(textOf(await session.call("echo"))).toContain("no database");
  later = 30_000;
  expect((await session.call("echo")).result?.["received"]).toBeDefined();
  for (let count = 0; count < 6; count++) {
    later += 60_001;
    expect((await session.call("crash")).error?.message).toContain("exited with status 1");
    expect((await session.call("echo")).result?.["received"]).toBeDefined();
  }
});

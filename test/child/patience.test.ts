// How long the program waits before it stops waiting in silence. These take seconds, so they run side by side.
import { expect, test } from "bun:test";
import { expose, listen, openSession } from "../eras/wire.ts";

test.concurrent("a stream says something while the server says nothing", async () => {
  await using program = await expose("obedient");
  const session = await openSession(program.ready.url);
  // The answer takes longer than anybody on the way should have to wait for headers.
  const response = await session.start("hold_silently", { key: "slow" }, 1);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  await session.call("release", { key: "slow" }, 2);
  expect(await listen(response).next()).toMatchObject({ id: 1, result: { released: "slow" } });
});

test.concurrent("a server that passes over in silence what it does not know is served", async () => {
  await using program = await expose("answers-pings-only");
  const session = await openSession(program.ready.url);
  expect((await session.send({ jsonrpc: "2.0", id: 1, method: "tools/list" })).status).toBe(200);
  expect((await fetch(program.ready.readyz)).status).toBe(200);
});

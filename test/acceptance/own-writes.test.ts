// `--watch` around a start: a server that writes into its own folder whenever it starts must not be restarted for ever, and
// what is saved while it starts for the first time is not missed.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import type { Ready } from "../../src/app/app.ts";
import { OPEN, openSession } from "../eras/wire.ts";
import { launchProgram, startProgram } from "../program.ts";
import { createEditedServer, writeV1 } from "./edited-server.ts";
import { until } from "./until.ts";

setDefaultTimeout(60_000);

/** It writes before it answers. */
const WRITING = `
import { mkdirSync, writeFileSync } from "node:fs";
mkdirSync(import.meta.dir + "/data", { recursive: true });
writeFileSync(import.meta.dir + "/data/state.json", String(process.pid));
await Bun.sleep(50);
`;

test("the loop is noticed, told with what to do, and ends; saves go on to restart the server", async () => {
  using server = createEditedServer(writeV1({ version: 1, before: WRITING }));
  await using program = await startProgram([...OPEN, "--watch", server.file]);
  const session = await openSession(program.ready.url);
  await until("the files are watched", () => program.stderr().includes("Watching"));
  server.save(writeV1({ version: 2, before: WRITING }));
  const isOver = () => program.stderr().includes("what the server writes itself: state.json.");
  await until("the loop is over", isOver).catch((thrown: unknown) => {
    throw new Error(`${String(thrown)}\n${program.stderr()}`);
  });
  expect(program.stderr()).toContain("Changed each time the server starts: state.json.");
  const answer = await session.call("version");
  expect(JSON.stringify(answer.result)).toContain('\\"version\\":2');
  server.save(writeV1({ version: 3, before: WRITING }));
  await until("the next save answers", async () =>
    JSON.stringify((await session.call("version")).result).includes('\\"version\\":3'),
  );
  const restarts = program.events.filter((event) => event.event === "child" && event.state === "restarting");
  expect(restarts.length).toBeLessThan(12);
  expect(await program.stop()).toBe(0);
});

test("a save while the server starts for the first time is not missed", async () => {
  const slow = `
await Bun.write(import.meta.dir + "/../starting", "");
await Bun.sleep(1_000);
`;
  using server = createEditedServer(writeV1({ version: 1, before: slow }));
  await using program = launchProgram([...OPEN, "--watch", server.file]);
  await until("it starts", () => existsSync(join(server.folder, "starting")));
  server.save(writeV1({ version: 2 }));
  const { url } = (await program.next(({ event }) => event === "ready")) as Ready;
  const session = await openSession(url);
  await until("the new code answers", async () =>
    JSON.stringify((await session.call("version")).result).includes('\\"version\\":2'),
  );
  const restarts = program.events.filter((event) => event.event === "child" && event.state === "restarting");
  expect(restarts).toHaveLength(1);
});

// A session that begins while its server is restarted: its client is greeted by the next process, and not turned away.
import { expect, setDefaultTimeout, test } from "bun:test";
import { INITIALIZE, openSession, post, readAnswer, until, within } from "../eras/wire.ts";
import { openReplaceable, running } from "./replaceable-server.ts";

setDefaultTimeout(60_000);

const OBEDIENT = running("fixtures/servers/obedient.ts");
/** Says what it is, and answers no handshake. */
const MUTE = `process.stdin.on("data", (lines) => {
  for (const line of String(lines).trim().split("\\n")) {
    const { id, method } = JSON.parse(line);
    const error = { code: -32601, message: "Method not found" };
    if (method === "server/discover") console.log(JSON.stringify({ jsonrpc: "2.0", id, error }));
  }
});
`;

test("initialize that a process leaves unanswered is answered by the next one", async () => {
  await using server = await openReplaceable(MUTE);
  const opening = post(server.url, INITIALIZE);
  await until("the server is there", () => server.events.some(({ state }) => state === "ready"));
  server.save(OBEDIENT);
  await server.restart();
  const opened = await within(opening, "the handshake");
  expect((await readAnswer(opened)).result?.["serverInfo"]).toMatchObject({ name: "fixture" });
  expect(opened.headers.get("mcp-session-id")).not.toBeNull();
});

test("a session that its client ends while a process is told of it leaves no process", async () => {
  await using server = await openReplaceable(OBEDIENT, { process: "session" });
  const session = await openSession(server.url);
  await session.call("pid");
  server.save(MUTE);
  const old = server.living();
  void server.restart();
  const call = session.call("echo");
  await until("the next process runs", () => server.living().some((pid) => !old.includes(pid)));
  await until("it is told", () => server.events.at(-1)?.state !== "restarting");
  await session.end();
  expect((await within(call, "the answer")).result).toMatchObject({ isError: true });
  await until("none is left", () => server.living().length === 0);
});

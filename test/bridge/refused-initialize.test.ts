// A server that refuses `initialize`: its own words reach the client, of whatever era, and the person at the terminal.
import { expect, test } from "bun:test";
import { expose, INITIALIZE, post, readAnswer, until } from "../eras/wire.ts";
import { createStatelessClient } from "../matrix/stateless-wire.ts";

const WORDS = "WEATHER_API_KEY is not set";

test("found 41: a client of 2026-07-28 gets the reason for any first request, and the terminal shows it", async () => {
  await using program = await expose("refuses");
  const client = createStatelessClient(program.ready.url);
  const named = { headers: { "mcp-param-region": "north" } };
  const answers = [
    await readAnswer(await client.request("server/discover")),
    await readAnswer(await client.request("tools/list")),
    await client.call("x"),
    await client.call("x", {}, named),
    ...(await Promise.all([
      client.call("x"),
      client.call("y"),
      client.request("tools/list").then(readAnswer),
    ])),
  ];
  for (const { result, error } of answers)
    expect([result, error]).toEqual([undefined, { code: -32603, message: expect.stringContaining(WORDS) }]);
  await until("the terminal says so", () => program.stderr().includes(WORDS));
  // On one line: what follows a line end could be taken for ours.
  expect(program.stderr()).toContain('refuses to begin: "WEATHER_API_KEY is not set Set it."');
});

test("found 41: an older client gets the server's answer unchanged, and the terminal shows the reason", async () => {
  await using program = await expose("refuses");
  const { error } = await readAnswer(await post(program.ready.url, INITIALIZE));
  expect(error).toMatchObject({
    code: -32002,
    message: `${WORDS}\nSet it.`,
    data: { variable: "WEATHER_API_KEY" },
  });
  await until("the terminal says so", () => program.stderr().includes(WORDS));
});

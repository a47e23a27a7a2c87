// The real program is stopped, its server is edited, and it is started again: clients of both eras still have the old list.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { StaleEvent } from "../../src/app/app.ts";
import { fixture } from "../eras/wire.ts";
import { createLoginRobot } from "../login-robot.ts";
import { type Program, startProgram } from "../program.ts";
import { createMemoryProvider } from "./memory-provider.ts";
import { connectV1, type ProviderV1, SIGN_IN } from "./sdk-clients.ts";
import { until } from "./until.ts";

setDefaultTimeout(60_000);

const TOKEN = "paste-me-please";
const GONE = /The tool "old_tool" no longer exists since \d\d:\d\d \(the server has changed\)/;

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "stale-tools-"))));
afterAll(() => rmSync(folder, { recursive: true }));

function edit(tools: Record<string, object>): void {
  const listed = Object.entries(tools).map(([name, properties]) => ({
    name,
    inputSchema: { type: "object", properties },
  }));
  writeFileSync(join(folder, "offer.json"), JSON.stringify({ tools: listed, capabilities: { tools: {} } }));
}

function start(store: string, port = 0): Promise<Program> {
  const words = ["--tunnel", "none", "--token", TOKEN, "--store", join(folder, store)];
  return startProgram([...words, fixture("edited"), join(folder, "offer.json")], { port });
}

const thrownBy = (work: Promise<unknown>) =>
  work.then(
    () => "nothing",
    (thrown: unknown) => String(thrown),
  );

async function expectTold(program: Program): Promise<void> {
  const stale = (await program.next(({ event }) => event === "stale")) as StaleEvent;
  expect(stale).toMatchObject({ missing: ["new_tool"], removed: ["old_tool"], changed: ["search_docs"] });
  expect(Math.abs(Date.now() - Date.parse(stale.since))).toBeLessThan(60_000);
  expect(stale.url).toBe(`${program.ready.url}?v=2`);
  expect(await program.next(({ event }) => event === "tools")).toEqual({
    event: "tools",
    added: ["new_tool"],
    removed: ["old_tool"],
    changed: ["search_docs"],
    details: { search_docs: ['argument "limit" added'] },
  });
  expect(program.events.filter(({ event }) => event === "stale" || event === "tools")).toHaveLength(2);
  const lines = '\n+ new_tool\n- old_tool\n~ search_docs: argument "limit" added\n';
  await until("the lines are on the screen", () => program.stderr().includes(lines));
  const warning =
    /! Acceptance test still has the list of \d\d:\d\d: misses new_tool, has old_tool, has old versions of search_docs\. Refresh its tool list/;
  await until("the warning is on the screen", () => warning.test(program.stderr()));
}

test("a client with sessions, which has a new one, is told at its first call", async () => {
  edit({ search_docs: {}, old_tool: {} });
  const provider: ProviderV1 = createMemoryProvider(createLoginRobot({ token: TOKEN }));
  const first = await start("legacy.db");
  const client = await connectV1(first.ready.url, provider);
  await client.listTools();
  await client.close();
  await first.stop();
  edit({ search_docs: { limit: {} }, new_tool: {} });
  await using second = await start("legacy.db", Number(new URL(first.ready.url).port));
  const again = await connectV1(second.ready.url, provider);
  expect(await thrownBy(again.callTool({ name: "old_tool" }))).toMatch(GONE);
  expect(await thrownBy(again.callTool({ name: "old_tool" }))).toMatch(GONE);
  if (second.events.every(({ event }) => event !== "stale")) await again.callTool({ name: "search_docs" });
  await expectTold(second);
  await again.listTools();
  expect(await thrownBy(again.callTool({ name: "old_tool" }))).not.toMatch(GONE);
  await again.close();
  const renewedProvider: ProviderV1 = createMemoryProvider(createLoginRobot({ token: TOKEN }));
  const renewed = await connectV1(`${second.ready.url}?v=2`, renewedProvider);
  expect((await renewed.listTools()).tools.map(({ name }) => name)).toEqual(["search_docs", "new_tool"]);
  await renewed.close();
});

test("a client without sessions goes on, and is told at its next call", async () => {
  edit({ search_docs: {}, old_tool: {} });
  const first = await start("modern.db");
  const signIn = SIGN_IN["SDK v2, asking for the newest revision first"];
  const client = await signIn(first.ready, createLoginRobot({ token: TOKEN }));
  await client.listTools();
  await first.stop();
  edit({ search_docs: { limit: {} }, new_tool: {} });
  await using second = await start("modern.db", Number(new URL(first.ready.url).port));
  expect(await thrownBy(client.call("old_tool", {}))).toMatch(GONE);
  await expectTold(second);
  expect(await client.listTools()).toEqual(["search_docs", "new_tool"]);
  expect(await thrownBy(client.call("old_tool", {}))).not.toMatch(GONE);
  await client.close();
});

test("a start after which nothing is another says nothing", async () => {
  edit({ search_docs: {} });
  const provider: ProviderV1 = createMemoryProvider(createLoginRobot({ token: TOKEN }));
  const first = await start("same.db");
  const client = await connectV1(first.ready.url, provider);
  await client.listTools();
  await client.close();
  await first.stop();
  await using second = await start("same.db", Number(new URL(first.ready.url).port));
  const again = await connectV1(second.ready.url, provider);
  await again.callTool({ name: "search_docs" });
  await again.listTools();
  await again.close();
  await second.stop();
  expect(second.events.filter(({ event }) => event === "stale" || event === "tools")).toEqual([]);
});

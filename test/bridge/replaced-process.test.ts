// What a pair remembers of a process ends with it.
import { expect, test } from "bun:test";
import type { SessionAdapter, StatelessAdapter } from "../../src/bridge/adapter.ts";
import type { ToolCatalog } from "../../src/bridge/bridge.ts";
import { PAIRS } from "../../src/bridge/pairs.ts";
import { createFakeChild, createPairOptions, type FakeChild } from "./fake-child.ts";
import {
  callStateless,
  greetLegacy,
  INITIALIZE,
  INITIALIZE_RESULT,
  openFakeSession,
} from "./pair-clients.ts";

const DISCOVERED = { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } };
const CALL = { id: 7, method: "tools/call", params: { name: "reader" } };

/** Answers whatever the server is asked, with this hint of its one tool. */
async function serveUntil(child: FakeChild, isOver: () => boolean, readOnlyHint: boolean): Promise<string[]> {
  const methods: string[] = [];
  const tools = [{ name: "reader", inputSchema: {}, annotations: { readOnlyHint } }];
  const results: Record<string, object> = {
    initialize: INITIALIZE_RESULT,
    "server/discover": DISCOVERED,
    "tools/list": { tools },
  };
  for (let turn = 0; !isOver() && turn < 1_000; turn++) {
    for (const { id, method = "" } of child.rest()) {
      methods.push(method);
      if (id !== undefined) child.say({ id, result: results[method] ?? { content: [] } });
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return methods;
}

async function findHint(child: FakeChild, tools: ToolCatalog, says: boolean): Promise<unknown> {
  let found: unknown;
  const finding = tools.find("reader").then((tool) => (found = tool?.annotations?.readOnlyHint ?? "none"));
  await serveUntil(child, () => found !== undefined, says);
  return finding;
}

const open: Record<string, (child: FakeChild) => Promise<{ tools: ToolCatalog; call(): Promise<unknown> }>> =
  {
    "a session on a server with sessions": (child) => openSession(child, PAIRS.legacyClient.legacy),
    "a session on a server without": (child) => openSession(child, PAIRS.legacyClient.modern),
    "a stateless client on a server with sessions": (child) =>
      openStateless(child, PAIRS.modernClient.legacy),
    "a stateless client on a server without": (child) => openStateless(child, PAIRS.modernClient.modern),
  };

async function openSession(
  child: FakeChild,
  create: (options: ReturnType<typeof createPairOptions>) => SessionAdapter,
) {
  const adapter = create(createPairOptions(child));
  const conversation = adapter.open({ sendUnrelated() {}, closed() {} });
  const session = openFakeSession({ ...adapter, open: () => conversation });
  const initialize = session.call(INITIALIZE);
  let isGreeted = false;
  void initialize.answer.then(() => (isGreeted = true));
  await serveUntil(child, () => isGreeted, true);
  return { tools: conversation.tools, call: () => session.call(CALL).answer };
}

function openStateless(
  child: FakeChild,
  create: (options: ReturnType<typeof createPairOptions>) => StatelessAdapter,
) {
  const adapter = create(createPairOptions(child));
  return Promise.resolve({
    tools: adapter.serve("ada").tools,
    call: () => callStateless(adapter, CALL).answer,
  });
}

for (const [client, begin] of Object.entries(open))
  test(`${client}: the tools of a process are forgotten when it ends`, async () => {
    const child = createFakeChild();
    const { tools, call } = await begin(child);
    expect(await findHint(child, tools, true)).toBe(true);
    expect(await findHint(child, tools, false)).toBe(true);
    child.exit();
    let isServed = false;
    void call().then(() => (isServed = true));
    await serveUntil(child, () => isServed, false);
    expect(isServed).toBe(true);
    expect(await findHint(child, tools, false)).toBe(false);
  });

test("a session that begins while the process is gone is greeted by the next one", async () => {
  const child = createFakeChild();
  const adapter = PAIRS.legacyClient.legacy(createPairOptions(child));
  await greetLegacy(adapter, child);
  child.exit();
  const initialize = openFakeSession(adapter).call(INITIALIZE);
  const serverInfo = { name: "fake server", version: "3" };
  await child.answer("initialize", { ...INITIALIZE_RESULT, serverInfo });
  expect((await child.next()).method).toBe("notifications/initialized");
  await child.answer("ping", {});
  expect((await initialize.answer).result).toMatchObject({ serverInfo });
});

test("a client without sessions discovers what the process can do that runs now", async () => {
  const child = createFakeChild();
  const adapter = PAIRS.modernClient.legacy(createPairOptions(child));
  const discover = async () =>
    (await callStateless(adapter, { id: 1, method: "server/discover" }).answer).result?.["capabilities"];
  const first = discover();
  await child.answer("initialize", INITIALIZE_RESULT);
  expect(await first).toEqual({ tools: {} });
  await child.next();
  child.exit();
  const call = callStateless(adapter, CALL);
  await child.answer("initialize", { ...INITIALIZE_RESULT, capabilities: { tools: {}, prompts: {} } });
  await child.next();
  await child.answer("tools/call", { content: [] });
  await call.answer;
  expect(await discover()).toEqual({ tools: {}, prompts: {} });
});

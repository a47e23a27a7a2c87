// What a caller may call is judged by the process that reads the call, also when that is replaced meanwhile.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LastingConversation, ToolCatalog } from "../../src/bridge/bridge.ts";
import type { Caller, CallerPolicy } from "../../src/eras/caller.ts";
import { judgeByProcess } from "../../src/eras/judged-process.ts";
import { createToolAccess } from "../../src/eras/tool-access.ts";
import { readMessages } from "../../src/frame/message.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { createFolder } from "../cli/process.ts";
import { openClocked, personOf } from "./clocked-endpoint.ts";
import { expose, openSession } from "./wire.ts";

const policy: CallerPolicy = {
  looksAtHints: true,
  refuse: ({ method, tool }) =>
    method !== "tools/call" || tool === undefined || tool.annotations?.readOnlyHint === true
      ? undefined
      : new Response(null, { status: 403 }),
  view: () => ({}),
};
const READER: Caller = { ...personOf("ada"), policy };

const toMessage = (message: object) => {
  const reading = readMessages(Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, ...message })));
  if ("fault" in reading) throw new Error(reading.fault);
  return reading.messages[0];
};
const CALL = toMessage({ method: "tools/call", params: { name: "look" } });

/** @param judges whether the tool only reads, as each process, or each list of one, says in turn */
function setUp(judges: readonly boolean[], change: "process" | "list") {
  let at = 0;
  const state = { edition: { isAnnounced: false }, judged: 0 };
  const createCatalog = (): ToolCatalog => ({
    get edition() {
      return state.edition;
    },
    async find() {
      state.judged++;
      const annotations = { readOnlyHint: judges[at]! };
      // It is replaced as soon as it has answered.
      if (at < judges.length - 1) {
        at++;
        if (change === "process") tools = createCatalog();
        else state.edition = { isAnnounced: true };
      }
      return { annotations, paramHeaders: [] };
    },
    paramHeadersOf: () => Promise.resolve([]),
  });
  let tools = createCatalog();
  const conversation = {
    isAttached: true,
    get tools() {
      return tools;
    },
  } as unknown as LastingConversation;
  const judge = () =>
    judgeByProcess(
      { messages: [CALL], caller: READER, request: new Request("http://127.0.0.1/mcp") },
      conversation,
      createToolAccess(),
    );
  return { judge, state };
}

test.each(["process", "list"] as const)(
  "a call is judged again when the %s changes meanwhile",
  async (change) => {
    const changing = setUp([true, true, false], change);
    expect((await changing.judge())?.status).toBe(403);
    expect(changing.state.judged).toBe(3);
    const settling = setUp([true, true, true], change);
    expect(await settling.judge()).toBeUndefined();
    expect(settling.state.judged).toBe(3);
  },
);

test("a call whose process is replaced again and again is to be made later", async () => {
  const { judge, state } = setUp(
    Array.from({ length: 100 }, () => true),
    "process",
  );
  const refusal = await judge();
  expect([refusal?.status, refusal?.headers.get("retry-after")]).toEqual([503, "5"]);
  expect(state.judged).toBe(5);
});

test("what a process has said of its tools is worth nothing for the one that replaces it after a crash", async () => {
  await using folder = await createFolder();
  const count = join(folder.path, "count");
  writeFileSync(count, "");
  const store = openSqliteStore(":memory:");
  const one = openClocked(store, "changes-its-mind", [count]);
  const id = await one.open(READER);
  const call = (name: string) =>
    one.send(id, READER, { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } });
  expect(await (await call("look")).json()).toMatchObject({ result: { life: 1 } });
  expect(await (await call("die")).json()).toMatchObject({ error: { code: -32603 } });
  expect((await call("look")).status).toBe(403);
  await one.close();
  store.close();
});

test("more clients than processes may begin at once: each gets its turn", async () => {
  await using program = await expose("obedient", ["--max-children", "2"]);
  const { url } = program.ready;
  const sessions = await Promise.all([1, 2, 3].map(() => openSession(url)));
  for (const session of sessions) expect((await session.call("pid")).result?.["pid"]).toBeNumber();
});

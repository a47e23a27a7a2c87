// A tool without known annotations is refused for a caller who may use only what annotations allow.
import { expect, test } from "bun:test";
import { createToolAccess } from "../../src/eras/tool-access.ts";
import type { CatalogTool, ToolCatalog } from "../../src/bridge/bridge.ts";
import type { CallerPolicy } from "../../src/eras/caller.ts";
import { readMessages, type Message } from "../../src/frame/message.ts";

function read(value: object): Message {
  const reading = readMessages(Buffer.from(JSON.stringify(value)));
  if ("fault" in reading) throw new Error(reading.fault);
  return reading.messages[0];
}
const CALL = read({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "reader" } });
const policy: CallerPolicy = {
  looksAtHints: true,
  refuse: ({ tool }) => (tool?.annotations ? undefined : new Response(null, { status: 403 })),
  view: () => ({}),
};
const caller = { key: "ada", isValid: () => true, policy };
const catalogOf = (tool: Partial<CatalogTool> | undefined): ToolCatalog => ({
  edition: { isAnnounced: false },
  find: () => Promise.resolve(tool && { annotations: undefined, paramHeaders: [], ...tool }),
  paramHeadersOf: () => Promise.resolve([]),
});
const access = createToolAccess();

test("it is not called while the server's list cannot be read", async () => {
  expect((await access.refuse([CALL], caller, catalogOf(undefined)))?.status).toBe(503);
});

test("it is called when its annotations allow it, and refused when it has none", async () => {
  const annotated = catalogOf({ annotations: { readOnlyHint: true } });
  expect(await access.refuse([CALL], caller, annotated)).toBeUndefined();
  expect((await access.refuse([CALL], caller, catalogOf({})))?.status).toBe(403);
});

test("the process that a call goes to is the one whose annotations count", async () => {
  const allows = catalogOf({ annotations: { readOnlyHint: true } });
  expect(await access.refuse([CALL], caller, allows)).toBeUndefined();
  // The same person, with a client that has another process.
  expect((await access.refuse([CALL], caller, catalogOf({})))?.status).toBe(403);
});

test.each([
  '"tools":[{"name":"reader","annotations":{"readOnlyHint":true}}],"Tools":[]',
  '"Tools":[{"name":"reader","annotations":{"readOnlyHint":true}}]',
  '"tools":[],"nextCursor":"2","next_cursor":"3"',
])("found 1: a list that reads in two ways is not shown: %s", async (members) => {
  const list = read({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  const shown = Promise.withResolvers<{ text: string; code: number | undefined }>();
  const screened = access.screen(list, caller, {
    notify: () => {},
    respond: (bytes, code) => shown.resolve({ text: Buffer.from(bytes).toString(), code }),
    cancelled: () => {},
  });
  screened.respond(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{${members}}}`));
  const { text, code } = await shown.promise;
  expect(JSON.parse(text)).toMatchObject({ error: { code: -32603 } });
  // Whoever watches the call takes it for a result otherwise.
  expect(code).toBe(-32603);
});

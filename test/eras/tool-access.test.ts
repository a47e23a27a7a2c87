// A tool whose hints are not known is not called by somebody who may call only what hints allow.
import { expect, test } from "bun:test";
import { createToolAccess } from "../../src/eras/tool-access.ts";
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
const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));

test("it is not called while the server's list cannot be read", async () => {
  const admission = createToolAccess(Date.now, random);
  const refusal = await admission.refuse([CALL], caller, (request, responder) =>
    responder.respond(
      Buffer.from(`{"jsonrpc":"2.0","id":${request.id},"error":{"code":-32600,"message":"in use"}}`),
    ),
  );
  expect(refusal?.status).toBe(503);
});

test("the list is asked for under an id that no client can guess", async () => {
  const admission = createToolAccess(Date.now, random);
  const ids: string[] = [];
  for (const key of ["ada", "bob"]) {
    await admission.refuse([CALL], { ...caller, key }, (request, responder) => {
      ids.push(request.id);
      const tools = [{ name: "reader", annotations: { readOnlyHint: true } }];
      responder.respond(
        Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: JSON.parse(request.id), result: { tools } })),
      );
    });
  }
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(2);
  for (const id of ids) expect(id).toMatch(/^"[0-9a-f]{32}"$/);
});

test.each([
  '"tools":[{"name":"reader","annotations":{"readOnlyHint":true}}],"Tools":[]',
  '"Tools":[{"name":"reader","annotations":{"readOnlyHint":true}}]',
  '"tools":[],"nextCursor":"2","next_cursor":"3"',
])("found 1: nothing is taken from a list that reads in two ways: %s", async (members) => {
  const admission = createToolAccess(Date.now, random);
  const answerTo = (request: Message) =>
    Buffer.from(`{"jsonrpc":"2.0","id":${request.id},"result":{${members}}}`);
  const refusal = await admission.refuse([CALL], caller, (request, responder) =>
    responder.respond(answerTo(request)),
  );
  expect(refusal?.status).toBe(503);
  const list = read({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  const shown = Promise.withResolvers<string>();
  const screened = admission.screen(list, caller, {
    notify: () => {},
    respond: (bytes) => shown.resolve(Buffer.from(bytes).toString()),
    cancelled: () => {},
  });
  screened.respond(answerTo(list));
  expect(JSON.parse(await shown.promise)).toMatchObject({ error: { code: -32603 } });
});

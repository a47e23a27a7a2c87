// The tools of a server process: requested once, cached while that is safe, never guessed.
import { describe, expect, test } from "bun:test";
import { createToolCatalog } from "../../src/bridge/tool-catalog.ts";
import { readMessages, type Message } from "../../src/frame/message.ts";
import { SERVER_MESSAGE } from "../../src/frame/names.ts";

const MINUTE = 60_000;
const READER = `{"name":"reader","annotations":{"readOnlyHint":true}}`;
const ERASER = `{"name":"eraser","annotations":{"readOnlyHint":false}}`;

function toAnswer(body: string): Message {
  const reading = readMessages(Buffer.from(`{"jsonrpc":"2.0","id":1,${body}}`), SERVER_MESSAGE);
  if ("fault" in reading) throw new Error(reading.fault);
  return reading.messages[0];
}

/** A server whose pages can be exchanged; `undefined` for a process that ends at the request. */
function open(...initial: (string | undefined)[]) {
  const server = { pages: initial, requests: [] as (string | undefined)[], minutes: 0 };
  const catalog = createToolCatalog(
    (cursor) => {
      server.requests.push(cursor);
      const page = server.pages[Number(cursor ?? 0)];
      return Promise.resolve(page === undefined ? undefined : toAnswer(page));
    },
    () => server.minutes * MINUTE,
  );
  return { catalog, server };
}
const list = (...tools: string[]) => `"result":{"tools":[${tools.join(",")}]}`;

describe("annotations", () => {
  test("are those of the server, over all pages, asked for once", async () => {
    const { catalog, server } = open(`"result":{"tools":[${READER}],"nextCursor":"1"}`, list(ERASER));
    expect((await catalog.find("reader"))?.annotations).toEqual({ readOnlyHint: true });
    expect((await catalog.find("eraser"))?.annotations).toEqual({ readOnlyHint: false });
    expect(server.requests).toEqual([undefined, "1"]);
  });

  test("are asked for again after a minute, and at once when the list has changed", async () => {
    const { catalog, server } = open(list(READER));
    await catalog.find("reader");
    server.pages = [list(`{"name":"reader"}`)];
    server.minutes = 0.9;
    expect((await catalog.find("reader"))?.annotations).toEqual({ readOnlyHint: true });
    server.minutes = 1;
    expect((await catalog.find("reader"))?.annotations).toBeUndefined();
    server.pages = [list(READER)];
    catalog.forget();
    expect((await catalog.find("reader"))?.annotations).toEqual({ readOnlyHint: true });
  });

  test("of a tool that is not in the list are asked for every time", async () => {
    const { catalog, server } = open(list(READER));
    await catalog.find("reader");
    expect((await catalog.find("eraser"))?.annotations).toBeUndefined();
    server.pages = [list(READER, ERASER)];
    expect((await catalog.find("eraser"))?.annotations).toEqual({ readOnlyHint: false });
  });

  test("found 1: are not taken from a tool that some readers take for another", async () => {
    const twin = `{"name":"reader","Name":"eraser","annotations":{"readOnlyHint":true}}`;
    expect((await open(list(twin)).catalog.find("reader"))?.annotations).toBeUndefined();
    const plain = await open(list(ERASER.replace("eraser", "reader"), twin)).catalog.find("reader");
    expect(plain?.annotations).toEqual({ readOnlyHint: false });
  });

  test.each([
    [`"error":{"code":-32600,"message":"in use"}`],
    [`"result":{"Tools":[${READER}]}`],
    [`"result":{"tools":{"reader":${READER}}}`],
    [`"result":{"tools":[${READER}],"nextCursor":"1"}`],
    [undefined],
  ])("cannot be known while the server answers %s, and are asked for again", async (page) => {
    const { catalog, server } = open(page);
    expect(await catalog.find("reader")).toBeUndefined();
    server.pages = [list(READER)];
    expect((await catalog.find("reader"))?.annotations).toEqual({ readOnlyHint: true });
  });

  test("are read from a hundred pages at the most", async () => {
    const { catalog, server } = open(`"result":{"tools":[${READER}],"nextCursor":"0"}`);
    await catalog.find("reader");
    expect(server.requests).toHaveLength(100);
  });
});

describe("headers that repeat arguments", () => {
  const schema = {
    properties: {
      region: { "x-mcp-header": "Region" },
      deep: { properties: { at: { "x-mcp-header": "At" } } },
    },
  };
  const tool = JSON.stringify({ name: "query", inputSchema: schema });

  test("are found at any depth, and are none for other tools", async () => {
    const { catalog, server } = open(list(tool, READER));
    expect(await catalog.paramHeadersOf("query")).toEqual([
      { name: "Region", path: ["region"] },
      { name: "At", path: ["deep", "at"] },
    ]);
    expect(await catalog.paramHeadersOf("reader")).toEqual([]);
    expect(await catalog.paramHeadersOf("unknown")).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  test("are compared for a tool that some readers take for another, too", async () => {
    const { catalog } = open(list(tool.replace("{", `{"Name":"other",`)));
    expect(await catalog.paramHeadersOf("query")).toHaveLength(2);
  });

  test("are none when the server has no list, and are asked for again when its process was gone", async () => {
    const { catalog, server } = open(undefined);
    expect(await catalog.paramHeadersOf("query")).toEqual([]);
    server.pages = [`"error":{"code":-32601,"message":"no tools"}`];
    expect(await catalog.paramHeadersOf("query")).toEqual([]);
    expect(await catalog.paramHeadersOf("query")).toEqual([]);
    expect(server.requests).toHaveLength(2);
  });
});

test("a process counts as in use while its list is read", async () => {
  const page = Promise.withResolvers<Message | undefined>();
  const catalog = createToolCatalog(() => page.promise, Date.now);
  expect(catalog.isReading).toBe(false);
  const found = catalog.find("reader");
  expect(catalog.isReading).toBe(true);
  page.resolve(toAnswer(list(READER)));
  await found;
  expect(catalog.isReading).toBe(false);
});

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

describe("while the server does not answer", () => {
  /** Has described one tool, and answers no request after that. */
  async function openSilent() {
    const requests: PromiseWithResolvers<Message | undefined>[] = [];
    const catalog = createToolCatalog(
      () => {
        requests.push(Promise.withResolvers());
        return requests.at(-1)!.promise;
      },
      () => 0,
    );
    const first = catalog.find("reader");
    requests[0]!.resolve(toAnswer(list(READER)));
    await first;
    return { catalog, requests };
  }
  const soon = <T>(work: Promise<T>) => Promise.race([work, new Promise(setImmediate).then(() => "waits")]);

  test("a request for a tool that is in no list keeps no other call waiting", async () => {
    const { catalog } = await openSilent();
    expect(await soon(catalog.find("unknown"))).toBe("waits");
    expect(await soon(catalog.find("reader"))).toMatchObject({ annotations: { readOnlyHint: true } });
    expect(await soon(catalog.paramHeadersOf("reader"))).toEqual([]);
  });

  test("many calls of such tools are few requests to the server", async () => {
    const { catalog, requests } = await openSilent();
    const found = Array.from({ length: 50 }, (_, index) => catalog.find(`unknown ${index}`));
    // Those that come while one list is read need one that was asked for after that.
    for (let answered = 1; answered <= requests.length; answered++) {
      await new Promise(setImmediate);
      requests[answered]?.resolve(toAnswer(list(READER)));
    }
    expect((await Promise.all(found)).every((tool) => tool?.annotations === undefined)).toBe(true);
    expect(requests).toHaveLength(3);
  });
});

test("a list that was asked for before it has changed is not kept", async () => {
  const pages: PromiseWithResolvers<Message | undefined>[] = [];
  const catalog = createToolCatalog(
    () => {
      pages.push(Promise.withResolvers());
      return pages.at(-1)!.promise;
    },
    () => 0,
  );
  const early = catalog.find("reader");
  catalog.forget();
  const late = catalog.find("reader");
  pages[1]!.resolve(toAnswer(list(`{"name":"reader"}`)));
  expect((await late)?.annotations).toBeUndefined();
  pages[0]!.resolve(toAnswer(list(READER)));
  await early;
  expect((await catalog.find("reader"))?.annotations).toBeUndefined();
});

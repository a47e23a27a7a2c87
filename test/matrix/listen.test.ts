// `subscriptions/listen`: served by the bridge for a server of 2025-11-25, and carried to one of 2026-07-28.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Program } from "../program.ts";
import { expose, isEventStream, listen, until, type Listening } from "../eras/wire.ts";
import { createStatelessClient, META, type StatelessClient } from "./stateless-wire.ts";

const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
const URI = "file:///note";
const EVERYTHING = {
  toolsListChanged: true,
  promptsListChanged: true,
  resourcesListChanged: true,
  resourceSubscriptions: [URI],
};

let program: Program;
let client: StatelessClient;

/** Listens, and reads the acknowledgment. */
async function open(
  notifications: object,
  id: number | string = "mine",
): Promise<Listening & { honored: unknown }> {
  const response = await client.request("subscriptions/listen", { notifications }, { id });
  expect([response.status, isEventStream(response)]).toEqual([200, true]);
  const stream = listen(response);
  const first = await stream.next();
  expect(first).toMatchObject({ method: ACKNOWLEDGED, params: { _meta: { [META.subscription]: id } } });
  return { ...stream, honored: first.params?.["notifications"] };
}

const tagged = (id: unknown) => ({ _meta: { [META.subscription]: id } });

for (const server of ["obedient", "stateless"])
  describe(server === "obedient" ? "on a server of 2025-11-25" : "on a server of 2026-07-28", () => {
    beforeAll(async () => {
      program = await expose(server);
      client = createStatelessClient(program.ready.url);
    });
    afterAll(async () => void (await program.stop()));

    test.each([7, "own", 'with "quotes" and ☃', "7"])(
      "every message on the stream has the client's own id (%j), after the acknowledgment",
      async (id) => {
        const stream = await open({ toolsListChanged: true }, id);
        await client.call("list_changed");
        await client.call("list_changed");
        for (const _ of [1, 2])
          expect(await stream.next()).toEqual({
            jsonrpc: "2.0",
            method: "notifications/tools/list_changed",
            params: tagged(id),
          } as object);
        await stream.close();
      },
    );

    test("two streams at a time get every message, each under its own id", async () => {
      const [one, other] = [
        await open({ toolsListChanged: true }, 1),
        await open({ toolsListChanged: true }, 2),
      ];
      await client.call("list_changed");
      expect((await one.next()).params).toEqual(tagged(1));
      expect((await other.next()).params).toEqual(tagged(2));
      await one.close();
      await client.call("list_changed");
      expect((await other.next()).params).toEqual(tagged(2));
      await other.close();
    });

    test("two clients may choose the same id", async () => {
      const streams = [await open({ toolsListChanged: true }, 1), await open({ toolsListChanged: true }, 1)];
      await client.call("list_changed");
      for (const stream of streams) {
        expect((await stream.next()).params).toEqual(tagged(1));
        await stream.close();
      }
    });

    test("a stream that ends with the program ends with a result that says so", async () => {
      await using other = await expose(server);
      client = createStatelessClient(other.ready.url);
      const stream = await open({ toolsListChanged: true }, "last");
      client = createStatelessClient(program.ready.url);
      const [status] = await Promise.all([
        other.stop(),
        stream.next().then((message) =>
          expect(message).toEqual({
            jsonrpc: "2.0",
            id: "last",
            result: { resultType: "complete", ...tagged("last") },
          } as object),
        ),
      ]);
      await stream.ended();
      expect(status).toBe(0);
    });
  });

describe("on a server of 2025-11-25", () => {
  beforeAll(async () => {
    program = await expose("obedient");
    client = createStatelessClient(program.ready.url);
  });
  afterAll(async () => void (await program.stop()));

  const update = async (uri: string) => {
    const params = JSON.stringify({ uri });
    const notification = `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":${params}}`;
    await client.call("raw", { reply: `${notification}\n{"jsonrpc":"2.0","id":$ID,"result":{}}` });
  };
  const wishes = async () =>
    (await client.history())
      .filter(({ method }) => method?.startsWith("resources/"))
      .map(({ method, params }) => `${method} ${String(params?.["uri"])}`);

  test("the acknowledgment names only what the server supports", async () => {
    const all = await open(EVERYTHING);
    // It has no prompts, and does not tell when its resources change.
    expect(all.honored).toEqual({ toolsListChanged: true, resourceSubscriptions: [URI] });
    await all.close();
  });

  test("changes outside the filter are not sent", async () => {
    const stream = await open({ resourceSubscriptions: [URI] });
    await client.call("list_changed");
    await update("file:///another");
    await update(URI);
    expect(await stream.next()).toMatchObject({
      method: "notifications/resources/updated",
      params: { uri: URI },
    });
    await stream.close();
  });

  test("an empty filter is accepted, since some clients need the stream", async () => {
    const stream = await open({});
    expect(stream.honored).toEqual({});
    await stream.close();
  });

  test("a resource on two streams is subscribed to once, and unsubscribed when the last stream ends", async () => {
    const uri = "file:///shared";
    const [one, other] = [
      await open({ resourceSubscriptions: [uri] }),
      await open({ resourceSubscriptions: [uri] }),
    ];
    await one.close();
    await update(uri);
    expect((await other.next()).params).toMatchObject({ uri });
    const before = await wishes();
    await other.close();
    await until("the end of it", async () => (await wishes()).length > before.length);
    expect((await wishes()).filter((wish) => wish.endsWith(uri))).toEqual([
      `resources/subscribe ${uri}`,
      `resources/unsubscribe ${uri}`,
    ]);
  });

  test("when the server's process is replaced, the stream goes on and the new process is subscribed to again", async () => {
    const stream = await open({ resourceSubscriptions: [URI] });
    await client.call("crash");
    await until("the new one to be asked", async () =>
      (await wishes()).includes(`resources/subscribe ${URI}`),
    );
    await update(URI);
    expect((await stream.next()).params).toMatchObject({ uri: URI });
    await stream.close();
  });
});

describe("on a server of 2026-07-28", () => {
  beforeAll(async () => {
    program = await expose("stateless");
    client = createStatelessClient(program.ready.url);
  });
  afterAll(async () => void (await program.stop()));

  test("a client that hangs up cancels under the id that the server knows", async () => {
    const stream = await open({ toolsListChanged: true }, "gone");
    await stream.close();
    const find = async (method: string) => (await client.history()).find((line) => line.method === method);
    await until("the server to hear", async () => (await find("notifications/cancelled")) !== undefined);
    const [listening, cancelled] = [
      await find("subscriptions/listen"),
      await find("notifications/cancelled"),
    ];
    expect(cancelled?.params?.["requestId"]).toBe(listening?.id);
    expect(listening?.id).not.toBe("gone");
  });

  test("when the server ends it, it ends with a result that says so", async () => {
    const stream = await open({ toolsListChanged: true }, "ended");
    await client.call("end_listening");
    expect(await stream.next()).toMatchObject({ id: "ended", result: tagged("ended") });
    await stream.ended();
  });
});

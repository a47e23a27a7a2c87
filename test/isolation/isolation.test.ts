// Isolation between callers, for each `--process` mode: two people, one of them with two OAuth clients.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  INITIALIZE,
  listen,
  openSession,
  post,
  readMessages,
  type Headers,
  type Listening,
} from "../eras/wire.ts";
import { ALL, createStatelessClient, META } from "../matrix/stateless-wire.ts";
import { openHouse, type House } from "./people.ts";

const LOUD = { meta: { [META.logLevel]: "debug", progressToken: "token" } };
const FORM = { method: "elicitation/create", params: { message: "Who?" } };

/** The words that only one caller may ever read. */
const SECRET = "the words of Ada";

/** A stream without any message before the one that ends the test. */
async function expectNothingBut(stream: Listening, last: string): Promise<void> {
  const first = await stream.next();
  expect(JSON.stringify(first)).not.toContain(SECRET);
  expect(first.method).toBe(last);
  await stream.close();
}

for (const mode of ["client", "session", "shared"] as const)
  describe(`--process ${mode}, a server of 2025-11-25`, () => {
    let house: House;
    let url: string;
    let ada: Headers;
    let adaElsewhere: Headers;
    let bob: Headers;
    beforeAll(async () => {
      house = await openHouse("obedient", ["--process", mode]);
      ({ url, ada, adaElsewhere, bob } = house);
    });
    afterAll(() => house[Symbol.asyncDispose]());

    const strangers = () => [bob, adaElsewhere];

    test("a session is usable by its own client only", async () => {
      const session = await openSession(url, ada);
      const headers = { "mcp-session-id": session.id };
      const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
      for (const who of strangers()) {
        expect((await post(url, ping, { ...headers, ...who })).status).toBe(404);
        expect((await fetch(url, { headers: { ...headers, ...who } })).status).toBe(404);
        expect((await fetch(url, { method: "DELETE", headers: { ...headers, ...who } })).status).toBe(404);
      }
      expect((await session.send(ping)).status).toBe(200);
    });

    test("calls with the same ids and progress tokens at a time get their own answers and progress", async () => {
      const sessions = await Promise.all([ada, adaElsewhere, bob].map((who) => openSession(url, who)));
      const answers = await Promise.all(
        sessions.map(async (session, at) => {
          const params = {
            name: "progress",
            arguments: { count: at + 1 },
            _meta: { progressToken: "token" },
          };
          const call = { jsonrpc: "2.0", id: "same", method: "tools/call", params };
          return readMessages(await session.send(call));
        }),
      );
      expect(answers.map((messages) => messages.length)).toEqual([2, 3, 4]);
    });

    test("calls without sessions, as well", async () => {
      const answers = await Promise.all(
        [ada, adaElsewhere, bob].map(async (who, at) => {
          const call = createStatelessClient(url, ALL, who).start("progress", { count: at + 1 }, LOUD);
          return readMessages(await call);
        }),
      );
      expect(answers.map((messages) => messages.length)).toEqual([2, 3, 4]);
    });

    test("a server request goes to the client whose call is running, and no other client can answer it", async () => {
      const [asked, other] = [await openSession(url, ada), await openSession(url, bob)];
      const stream = listen(await asked.start("ask", { ...FORM, params: { message: SECRET } }, 1));
      const elsewhere = listen(await other.listen());
      const { id, params } = await stream.next();
      expect(params).toMatchObject({ message: SECRET });
      for (const wrong of [id, 1, 2, 3])
        await other.send({
          jsonrpc: "2.0",
          id: wrong,
          result: { action: "accept", content: { from: "bob" } },
        });
      await asked.send({ jsonrpc: "2.0", id, result: { action: "accept", content: { from: "ada" } } });
      const { result } = await stream.next();
      expect(String(result?.["answeredBy"])).toContain('"from":"ada"');
      await other.call("list_changed");
      await expectNothingBut(elsewhere, "notifications/tools/list_changed");
    });

    test("a server request to a client without sessions can be answered by that client alone", async () => {
      const own = createStatelessClient(url, ALL, ada);
      const { result } = await own.call("ask", FORM);
      const more = {
        requestState: result?.["requestState"],
        inputResponses: { "elicitation-1": { action: "accept" } },
      };
      for (const who of strangers()) {
        const { error } = await createStatelessClient(url, ALL, who).call("ask", FORM, {}, more);
        expect(error?.code).toBe(-32602);
      }
      // Nor by the same client with other capabilities: that is another process, where nothing waits.
      expect(
        (await createStatelessClient(url, { elicitation: {} }, ada).call("ask", FORM, {}, more)).error?.code,
      ).toBe(-32602);
      const { result: done } = await own.call("ask", FORM, {}, more);
      expect(String(done?.["answeredBy"])).toContain("accept");
    });

    test("no client can cancel another's call", async () => {
      const [one, other] = [await openSession(url, ada), await openSession(url, bob)];
      const held = listen(await one.start("hold", { key: "safe" }, 1));
      await held.next();
      for (const requestId of [1, 2, 3, 4, 5])
        await other.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } });
      await one.call("release", { key: "safe" }, 2);
      expect(await held.next()).toMatchObject({ id: 1, result: { released: "safe" } });
      await held.close();
    });

    test("notifications during a call reach its own client only", async () => {
      const [own, other] = [await openSession(url, ada), await openSession(url, bob)];
      const elsewhere = listen(await other.listen());
      const messages = await readMessages(await own.start("log", { data: SECRET }));
      expect(messages).toContainEqual(expect.objectContaining({ method: "notifications/message" }));
      await other.call("list_changed");
      await expectNothingBut(elsewhere, "notifications/tools/list_changed");
    });

    test("and on HTTP+SSE", async () => {
      const sse = await fetch(house.program.ready.sse, { headers: bob });
      const elsewhere = listen(sse);
      const { data } = await elsewhere.nextEvent();
      const endpoint = new URL(data, url).href;
      // Ada cannot post there, though she knows where it is.
      const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "cwd" } };
      expect((await post(endpoint, call, ada)).status).toBe(404);
      await post(endpoint, INITIALIZE, bob);
      expect(await elsewhere.next()).toMatchObject({ id: 0 });
      await (await openSession(url, ada)).call("log", { data: SECRET });
      await createStatelessClient(url, ALL, ada).call("log", { data: SECRET }, LOUD);
      await post(endpoint, call, bob);
      const next = await elsewhere.next();
      expect(JSON.stringify(next)).not.toContain(SECRET);
      expect(next).toMatchObject({ id: 1 });
      await elsewhere.close();
    });

    test("a log line goes to no call without sessions but the one that it belongs to", async () => {
      const held = await createStatelessClient(url, ALL, bob).start("hold", { key: "bob" }, LOUD);
      const elsewhere = listen(held);
      expect((await elsewhere.next()).params?.["data"]).toBe("holding bob");
      const own = await readMessages(
        await createStatelessClient(url, ALL, ada).start("log", { data: SECRET }, LOUD),
      );
      expect(JSON.stringify(own)).toContain(SECRET);
      await createStatelessClient(url, ALL, bob).call("release", { key: "bob" });
      expect(await elsewhere.next()).toMatchObject({ result: { released: "bob" } });
    });

    if (mode !== "shared") {
      test("notifications outside a call reach the sessions that share the process, and no others", async () => {
        const elsewhere = await Promise.all(
          strangers().map(async (who) => {
            const session = await openSession(url, who);
            await session.send({
              jsonrpc: "2.0",
              id: 7,
              method: "resources/subscribe",
              params: { uri: "file:///a" },
            });
            return { session, stream: listen(await session.listen()) };
          }),
        );
        const own = await openSession(url, ada);
        const stream = listen(await own.listen());
        const update = `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a","x":"${SECRET}"}}`;
        await own.call("list_changed");
        await own.call("raw", { reply: `${update}\n{"jsonrpc":"2.0","id":$ID,"result":{}}` });
        expect((await stream.next()).method).toBe("notifications/tools/list_changed");
        expect(JSON.stringify(await stream.next())).toContain(SECRET);
        for (const { session, stream } of elsewhere) {
          // A notification would stand before this.
          await session.call("raw", {
            reply: `${update.replace(SECRET, "own")}\n{"jsonrpc":"2.0","id":$ID,"result":{}}`,
          });
          expect((await stream.next()).params).toMatchObject({ x: "own" });
          await stream.close();
        }
        await stream.close();
      });

      test("and without sessions", async () => {
        const filter = { notifications: { toolsListChanged: true, resourceSubscriptions: ["file:///a"] } };
        const elsewhere = await Promise.all(
          strangers().map(async (who) => {
            const client = createStatelessClient(url, ALL, who);
            const stream = listen(await client.request("subscriptions/listen", filter, { id: "same" }));
            await stream.next();
            return { client, stream };
          }),
        );
        await createStatelessClient(url, ALL, ada).call("list_changed");
        for (const { client, stream } of elsewhere) {
          const reply = `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a"}}`;
          await client.call("raw", { reply: `${reply}\n{"jsonrpc":"2.0","id":$ID,"result":{}}` });
          expect((await stream.next()).method).toBe("notifications/resources/updated");
          await stream.close();
        }
      });
    }
  });

test.each(["client", "session"])(
  "--process %s, a server of 2026-07-28: no client gets another's messages",
  async (mode) => {
    await using house = await openHouse("stateless", ["--process", mode]);
    const { url, ada, adaElsewhere, bob, statelessPid } = house;
    const pids = await Promise.all([ada, adaElsewhere, bob].map((who) => statelessPid(who)));
    expect(new Set(pids).size).toBe(3);
    const [own, other] = [createStatelessClient(url, ALL, ada), createStatelessClient(url, ALL, bob)];
    const notifications = { toolsListChanged: true, resourceSubscriptions: ["file:///b"] };
    const elsewhere = listen(await other.request("subscriptions/listen", { notifications }));
    await elsewhere.next();
    await own.call("list_changed");
    await own.call("log", { data: SECRET }, LOUD);
    await other.call("touch", { uri: "file:///b" });
    await expectNothingBut(elsewhere, "notifications/resources/updated");
  },
);

test("--process shared, a server of 2026-07-28: answers, progress and log lines of one reach no other", async () => {
  await using house = await openHouse("stateless", ["--process", "shared"]);
  const { url, ada, bob, statelessPid } = house;
  expect(await statelessPid(ada)).toBe(await statelessPid(bob));
  const [own, other] = [createStatelessClient(url, ALL, ada), createStatelessClient(url, ALL, bob)];
  const [mine, theirs] = await Promise.all([
    own.start("progress", { count: 1 }, { ...LOUD, id: "same" }).then(readMessages),
    other.start("progress", { count: 2 }, { ...LOUD, id: "same" }).then(readMessages),
  ]);
  expect([mine.length, theirs.length]).toEqual([2, 3]);
  const held = listen(await other.start("hold", { key: "bob" }, LOUD));
  await held.next();
  // Two calls want log lines, and this pipe does not say whose one is.
  await own.call("log", { data: SECRET }, LOUD);
  await other.call("release", { key: "bob" });
  expect(await held.next()).toMatchObject({ result: { released: "bob" } });
});

// Answers reach their own calls, between two clients and within one.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Program } from "../program.ts";
import {
  expose,
  INITIALIZE,
  listen,
  openSession,
  openSseSession,
  post,
  readAnswer,
  readHistory,
  readMessages,
  readTexts,
  type Wire,
} from "../eras/wire.ts";

let program: Program;
let url: string;
beforeAll(async () => {
  program = await expose("obedient");
  ({ url } = program.ready);
});
afterAll(async () => void (await program.stop()));

const call = (id: unknown, name: string, args: object = {}, _meta?: object) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args, ...(_meta && { _meta }) },
});

/** The message that the fixture received, from the echo in its answer. */
const received = (answer: Wire | undefined) => JSON.parse(String(answer?.result?.["received"])) as Wire;

describe("ids", () => {
  test("two clients with the same ids at the same time get their own answers on /mcp", async () => {
    const [one, other] = [await openSession(url), await openSession(url)];
    const calls = await Promise.all([
      ...[1, 2, 3].map((id) => one.call("echo", { owner: "one" }, id)),
      ...[1, 2, 3].map((id) => other.call("echo", { owner: "other" }, id)),
    ]);
    expect(calls.map(({ id }) => id)).toEqual([1, 2, 3, 1, 2, 3]);
    const owners = calls.map((answer) => received(answer).params?.["arguments"]);
    expect(owners).toEqual(["one", "one", "one", "other", "other", "other"].map((owner) => ({ owner })));
  });

  test("two clients with the same ids at the same time get their own answers on /sse", async () => {
    const [one, other] = [await openSseSession(program.ready.sse), await openSseSession(program.ready.sse)];
    await Promise.all([
      one.send(call(1, "echo", { owner: "one" })),
      other.send(call(1, "echo", { owner: "other" })),
    ]);
    expect(received(await one.next()).params).toMatchObject({ arguments: { owner: "one" } });
    expect(received(await other.next()).params).toMatchObject({ arguments: { owner: "other" } });
    await one.send(call(2, "cwd"));
    // Had the other's answer come here too, it would stand before this one.
    expect(await one.next()).toMatchObject({ id: 2 });
    await Promise.all([one.close(), other.close()]);
  });

  test("an id in use is refused, and the call that has it is still answered", async () => {
    const session = await openSession(url);
    const first = await session.start("hold", { key: "twice" }, 1);
    expect(await session.call("echo", {}, 1)).toMatchObject({ id: 1, error: { code: -32600 } });
    await session.call("release", { key: "twice" }, 2);
    expect(await readAnswer(first)).toMatchObject({ id: 1, result: { released: "twice" } });
    // Now the id is free again.
    expect((await session.call("echo", {}, 1)).result).toBeDefined();
  });

  test("the same number and text are different ids", async () => {
    const session = await openSession(url);
    const held = await session.start("hold", { key: "text" }, "1");
    expect((await session.call("echo", {}, 1)).id).toBe(1);
    await session.call("release", { key: "text" }, 2);
    expect((await readAnswer(held)).id).toBe("1");
  });

  test.each(["7.0", '"a\\u0062"', "12345678901234567890", "-0", "1E2", '""', '"👋"'])(
    "the id %s comes back as it was written",
    async (id) => {
      const session = await openSession(url);
      const text = `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"cwd"},"id":${id}}`;
      const [answer] = await readTexts(await session.send(text));
      expect(answer).toContain(`"id":${id},`);
    },
  );
});

describe("cancelling", () => {
  test("reaches the server under the id it knows, and ends the call's stream without an answer", async () => {
    const session = await openSession(url);
    const held = listen(await session.start("hold", { key: "cancelled" }, "mine"));
    await held.next();
    const cancel = {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: "mine", reason: "why" },
    };
    expect((await session.send(cancel)).status).toBe(202);
    await held.ended();
    const history = await readHistory(session);
    const calling = history.find(({ params }) =>
      JSON.stringify(params ?? null).includes('"key":"cancelled"'),
    );
    const cancelled = history.find(({ method }) => method === "notifications/cancelled");
    expect(cancelled?.params).toEqual({ requestId: calling?.id, reason: "why" });
    expect(calling?.id).not.toBe("mine");
  });

  test("a cancellation of an unknown call or of another client's call never reaches the server", async () => {
    const [one, other] = [await openSession(url), await openSession(url)];
    const held = listen(await one.start("hold", { key: "safe" }, 1));
    await held.next();
    for (const requestId of [1, 2, 3, "nobody's"]) {
      await other.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } });
    }
    await one.call("release", { key: "safe" }, 2);
    expect(await held.next()).toMatchObject({ id: 1, result: { released: "safe" } });
    await held.close();
  });

  test("a late answer of a cancelled call goes to no client", async () => {
    const session = await openSession(url);
    const stream = listen(await session.listen());
    const held = listen(await session.start("hold", { key: "late" }, 1));
    await held.next();
    await session.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
    await session.call("release", { key: "late" }, 2);
    await session.call("list_changed", {}, 3);
    expect(await stream.next()).toMatchObject({ method: "notifications/tools/list_changed" });
    await stream.close();
  });
});

describe("progress", () => {
  test.each([1, "token", 7.5])(
    "the token %j comes back with every report, all before the answer",
    async (token) => {
      const session = await openSession(url);
      const messages = await readMessages(
        await session.send(call(1, "progress", { count: 5 }, { progressToken: token })),
      );
      const tokens = messages
        .slice(0, 5)
        .map(({ params }) => [params?.["progressToken"], params?.["progress"]]);
      expect(tokens).toEqual([1, 2, 3, 4, 5].map((progress) => [token, progress]));
      expect(messages[5]).toMatchObject({ id: 1 });
    },
  );

  test("goes to the call that asked for it, though others use the same token", async () => {
    const [one, other] = [await openSession(url), await openSession(url)];
    const answers = await Promise.all(
      [one, one, other].map(async (session, at) =>
        readMessages(await session.send(call(at, "progress", { count: 2 }, { progressToken: "same" }))),
      ),
    );
    expect(answers.map((messages) => messages.length)).toEqual([3, 3, 3]);
    // The server saw three tokens.
    const seen = answers.map((messages) => messages[2]?.result?.["progressToken"]);
    expect(new Set([seen[0], seen[1]]).size).toBe(2);
  });

  test("is dropped for a call without a token", async () => {
    const session = await openSession(url);
    const messages = await readMessages(await session.send(call(1, "progress", { count: 2 })));
    expect(messages).toHaveLength(1);
  });
});

describe("requests of the server", () => {
  test.each(["sampling/createMessage", "elicitation/create", "roots/list"])(
    "%s goes on the stream of the running call; the answer reaches the server under its own id",
    async (method) => {
      const session = await openSession(url);
      const stream = listen(
        await session.start("ask", { method, params: { message: "?", _meta: { x: 1.0 } } }, 1),
      );
      const question = await stream.next();
      expect(question).toMatchObject({ method, params: { message: "?" } });
      const answer = `{"result":{"roots":[],"big":12345678901234567890},"id":${JSON.stringify(question.id)},"jsonrpc":"2.0"}`;
      expect((await session.send(answer)).status).toBe(202);
      const { result } = await stream.next();
      const line = String(result?.["answeredBy"]);
      expect(line).toMatch(
        /^\{"result":\{"roots":\[\],"big":12345678901234567890\},"id":"question-\d+","jsonrpc":"2.0"\}$/,
      );
    },
  );

  test("an error is an answer too", async () => {
    const session = await openSession(url);
    const stream = listen(await session.start("ask", { method: "roots/list" }, 1));
    const { id } = await stream.next();
    await session.send({ jsonrpc: "2.0", id, error: { code: -1, message: "User rejected it" } });
    expect(String((await stream.next()).result?.["answeredBy"])).toContain("User rejected it");
  });

  test("no other client can answer them", async () => {
    const [one, other] = [await openSession(url), await openSession(url)];
    const stream = listen(await one.start("ask", { method: "roots/list" }, 1));
    const { id } = await stream.next();
    await other.send({ jsonrpc: "2.0", id, result: { from: "other" } });
    await one.send({ jsonrpc: "2.0", id, result: { from: "one" } });
    expect(String((await stream.next()).result?.["answeredBy"])).toContain('"from":"one"');
  });

  test("one that the server cancels is cancelled under the id the client knows", async () => {
    const session = await openSession(url);
    const [question, cancelled] = await readMessages(
      await session.start("ask_and_cancel", { method: "roots/list" }, 1),
    );
    expect(question).toMatchObject({ method: "roots/list" });
    expect(cancelled).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: question?.id },
    });
  });

  test("on /sse they come on the one stream", async () => {
    const session = await openSseSession(program.ready.sse);
    await session.send(call(1, "ask", { method: "roots/list" }));
    const { id } = await session.next();
    await session.send({ jsonrpc: "2.0", id, result: { roots: [] } });
    expect(await session.next()).toMatchObject({
      id: 1,
      result: { answeredBy: expect.stringContaining("roots") },
    });
    await session.close();
  });
});

test("a request that the server refuses is refused in its own words", async () => {
  const session = await openSession(url);
  const answer = await readAnswer(await session.send({ jsonrpc: "2.0", id: 1, method: "no/such" }));
  expect(answer).toEqual({
    jsonrpc: "2.0",
    id: 1,
    error: { code: -32601, message: "Method not found: no/such" },
  } as Wire);
});

test("a hundred clients at once are all answered, and share what may be shared", async () => {
  await using crowded = await expose("obedient", ["--max-children", "1000"]);
  const sessions = await Promise.all(Array.from({ length: 20 }, () => openSession(crowded.ready.url)));
  const answers = await Promise.all(
    sessions.flatMap((session) => [1, 2, 3, 4, 5].map((id) => session.call("echo", {}, id))),
  );
  expect(answers.filter(({ result }) => result !== undefined)).toHaveLength(100);
});

test("initialize can be sent again and again, each time for a session of its own", async () => {
  const answers = await Promise.all([1, 2, 3].map(() => post(url, INITIALIZE)));
  expect(new Set(answers.map(({ headers }) => headers.get("mcp-session-id"))).size).toBe(3);
});

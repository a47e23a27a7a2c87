// A server of 2025-11-25 asks while a client of 2026-07-28 waits: the call is parked, the client is asked by an
// `input_required` result, and comes back with the answers and a `requestState` that no client can forge.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Program } from "../program.ts";
import { expose, readAnswer, readMessages, until, type Wire } from "../eras/wire.ts";
import { createStatelessClient, type StatelessClient } from "./stateless-wire.ts";

let program: Program;
let url: string;
let client: StatelessClient;
beforeAll(async () => {
  program = await expose("versatile");
  ({ url } = program.ready);
  client = createStatelessClient(url);
});
afterAll(async () => void (await program.stop()));

const FORM = {
  method: "elicitation/create",
  params: { message: "Who?", requestedSchema: { type: "object" } },
};
const ASK = { question: FORM };
const ACCEPT = { action: "accept", content: { name: "Ada" } };

/** The first round of a call that asks. */
async function begin(args: object = ASK, tool = "ask_or_fail"): Promise<{ requests: object; state: string }> {
  return readRound(await client.call(tool, args));
}

function readRound({ result }: Wire): { requests: object; state: string } {
  expect(result?.["resultType"]).toBe("input_required");
  return { requests: result!["inputRequests"] as object, state: result!["requestState"] as string };
}

const retry = (state: string, inputResponses: object = { "elicitation-1": ACCEPT }, args: object = ASK) =>
  client.call("ask_or_fail", args, {}, { requestState: state, inputResponses });

describe("an input request to a client", () => {
  test("is the server's request, without members that need a session", async () => {
    const params = { ...FORM.params, elicitationId: "e-1", _meta: { progressToken: 1, "vendor/x": 12 } };
    const args = { question: { method: FORM.method, params } };
    const { requests, state } = await begin(args);
    expect(requests).toEqual({
      "elicitation-1": { method: FORM.method, params: { ...FORM.params, _meta: { "vendor/x": 12 } } },
    });
    await retry(state, undefined, args);
  });

  test("is retried with the answer, which reaches the server as the client wrote it", async () => {
    const { state } = await begin();
    const answer = await retry(state);
    expect(answer.result).toMatchObject({ resultType: "complete", answer: ACCEPT });
    const lines = await client.history();
    expect(lines.findLast(({ method }) => method === undefined)).toMatchObject({ result: ACCEPT });
    // Members of the retry belong to the bridge, and a server with sessions would not know them.
    expect(JSON.stringify(lines)).not.toMatch(/requestState|inputResponses/);
  });

  test("is repeated when its answer is missing, and answers to other requests are ignored", async () => {
    const { state } = await begin();
    const again = readRound(await retry(state, { "elicitation-2": ACCEPT, name: ACCEPT }));
    expect(again.requests).toEqual({ "elicitation-1": FORM });
    expect((await retry(again.state)).result).toMatchObject({ answer: ACCEPT });
  });

  test("is repeated when no answers came at all", async () => {
    const { state } = await begin();
    const again = readRound(await client.call("ask_or_fail", ASK, {}, { requestState: state }));
    expect((await retry(again.state)).result).toMatchObject({ answer: ACCEPT });
  });

  test("may be declined", async () => {
    const { state } = await begin();
    expect((await retry(state, { "elicitation-1": { action: "decline" } })).result).toMatchObject({
      answer: { action: "decline" },
    });
  });

  test("is announced in a log line that names how long most servers wait", async () => {
    await retry((await begin()).state);
    expect(program.stderr()).toMatch(/asks the client: elicitation\/create.*60 s/);
  });
});

describe("a requestState is refused with −32602, and the parked call goes on,", () => {
  const expectRefused = (answer: Wire) => {
    expect(answer.error).toMatchObject({ code: -32602, message: expect.stringContaining("requestState") });
  };

  const tamper: Record<string, (state: string) => string> = {
    "when its first character is another": (state) => flip(state, 0),
    "when one in its middle is another": (state) => flip(state, state.indexOf(".") - 2),
    "when its signature is another": (state) => flip(state, state.indexOf(".") + 3),
    "when it is cut off": (state) => state.slice(0, -4),
    "when its signature is missing": (state) => state.slice(0, state.indexOf(".")),
    "when something is added": (state) => `${state}.x`,
    "when it is empty": () => "",
    "when it says who made it itself": (state) => `${state.split(".")[0]}.${btoa("nobody")}`,
  };
  for (const [what, change] of Object.entries(tamper))
    test(what, async () => {
      const { state } = await begin();
      expectRefused(await retry(change(state)));
      expect((await retry(state)).result).toMatchObject({ answer: ACCEPT });
    });

  test("when it comes with other arguments", async () => {
    const { state } = await begin();
    expectRefused(await retry(state, undefined, { ...ASK, amount: 1_000_000 }));
    expect((await retry(state)).result).toMatchObject({ answer: ACCEPT });
  });

  test("when it comes with another tool or method", async () => {
    const { state } = await begin();
    const more = { requestState: state, inputResponses: { "elicitation-1": ACCEPT } };
    expectRefused(await client.call("release", ASK, {}, more));
    expectRefused(
      await readAnswer(await client.request("prompts/get", { name: "ask_or_fail", arguments: ASK, ...more })),
    );
    expect((await retry(state)).result).toMatchObject({ answer: ACCEPT });
  });

  test("when its call is over, so that nothing runs twice", async () => {
    const { state } = await begin();
    await retry(state);
    const before = (await client.history()).length;
    expectRefused(await retry(state));
    // The one line more is the question for the history.
    expect((await client.history()).length).toBe(before + 1);
  });

  test("when it is of an earlier round", async () => {
    const { state } = await begin();
    const again = readRound(await retry(state, {}));
    expectRefused(await retry(state));
    expect((await retry(again.state)).result).toMatchObject({ answer: ACCEPT });
  });

  test("when another request uses it at the same time", async () => {
    const { state } = await begin();
    const answers = await Promise.all([retry(state), retry(state)]);
    expect(answers.filter(({ result }) => result !== undefined)).toHaveLength(1);
    expectRefused(answers.find(({ error }) => error !== undefined)!);
  });

  test("when it was sealed by another run of the program", async () => {
    const { state } = await begin();
    await using other = await expose("versatile");
    const stranger = createStatelessClient(other.ready.url);
    expectRefused(await stranger.call("ask_or_fail", ASK, {}, { requestState: state, inputResponses: {} }));
    expect((await retry(state)).result).toMatchObject({ answer: ACCEPT });
  });

  function flip(state: string, at: number): string {
    return state.slice(0, at) + (state[at] === "A" ? "B" : "A") + state.slice(at + 1);
  }
});

describe("a client without the capability to answer", () => {
  const questions: [string, object, object, object][] = [
    ["a form", {}, FORM, { elicitation: { form: {} } }],
    [
      "a form request, when it can only open pages",
      { elicitation: { url: {} } },
      FORM,
      { elicitation: { form: {} } },
    ],
    [
      "a page",
      { elicitation: {} },
      { method: FORM.method, params: { mode: "url" } },
      { elicitation: { url: {} } },
    ],
    ["its model", {}, { method: "sampling/createMessage", params: {} }, { sampling: {} }],
    [
      "its model with tools",
      { sampling: {} },
      { method: "sampling/createMessage", params: { tools: [] } },
      { sampling: { tools: {} } },
    ],
    ["its roots", {}, { method: "roots/list" }, { roots: {} }],
  ];
  test.each(questions)(
    "%s gets 400 and −32021 when its call fails for that",
    async (_what, can, question, needs) => {
      const poor = createStatelessClient(url, can);
      const response = await poor.start("ask_or_fail", { question }, { id: "poor" });
      expect(response.status).toBe(400);
      expect(await readAnswer(response)).toMatchObject({
        id: "poor",
        error: { code: -32021, data: { requiredCapabilities: needs } },
      });
    },
  );

  test("gets the server's answer when the server needs no input", async () => {
    const poor = createStatelessClient(url, {});
    const call = poor.call("ask_and_hold", { ...ASK, key: "poor" });
    await until("the question", async () =>
      (await poor.history()).some(({ error }) => error?.code === -32601),
    );
    await poor.call("release", { key: "poor" });
    expect((await call).result).toMatchObject({ resultType: "complete", released: "poor" });
  });
});

describe("while a client holds an input request", () => {
  const goAway = async (key: string) => {
    const args = { ...ASK, key };
    const { state } = await begin(args, "ask_and_hold");
    const more = { requestState: state, inputResponses: { "elicitation-1": ACCEPT } };
    return () => client.call("ask_and_hold", args, {}, more);
  };

  test("the server may finish: the client gets the answer when it comes back", async () => {
    const comeBack = await goAway("finished");
    await client.call("release", { key: "finished" });
    expect((await comeBack()).result).toMatchObject({ resultType: "complete", released: "finished" });
  });

  test("the server may cancel it: the call goes on, and the server gets no answer", async () => {
    const comeBack = await goAway("withdrawn");
    await client.call("withdraw", { key: "withdrawn" });
    const [{ result }] = await Promise.all([comeBack(), client.call("release", { key: "withdrawn" })]);
    expect(result).toMatchObject({ released: "withdrawn" });
    expect((await client.history()).filter(({ id }) => id === "idle-withdrawn")).toEqual([]);
  });

  test("its connection is closed, and nothing is cancelled", async () => {
    const { state } = await begin();
    expect((await client.history()).some(({ method }) => method === "notifications/cancelled")).toBeFalse();
    await retry(state);
  });

  test("other calls go on", async () => {
    const { state } = await begin();
    expect((await client.call("deploy", { plain: "x" })).result).toMatchObject({ deployed: { plain: "x" } });
    await retry(state);
  });
});

test("a server request that its call does not wait for goes with the next call that can carry it", async () => {
  const { result } = await client.call("ask_and_answer", ASK);
  expect(result?.["resultType"]).toBe("complete");
  const [list] = await readMessages(await client.request("tools/list"));
  expect(list?.result).toMatchObject({ resultType: "complete" });
  const { requests, state } = await begin({ plain: "next" }, "deploy");
  expect(requests).toEqual({ "elicitation-1": FORM });
  const more = { requestState: state, inputResponses: { "elicitation-1": ACCEPT } };
  expect((await client.call("deploy", { plain: "next" }, {}, more)).result).toMatchObject({
    deployed: { plain: "next" },
  });
  const lines = (await client.history()).filter(
    ({ id, params }) => String(id).startsWith("passing") || params?.["name"] === "deploy",
  );
  // First the answer, then the call, without what belongs to the retry.
  const params = { name: "deploy", arguments: { plain: "next" } };
  expect(lines.slice(-2)).toEqual([
    { jsonrpc: "2.0", id: expect.stringContaining("passing"), result: ACCEPT } as Wire,
    { jsonrpc: "2.0", id: expect.any(Number), method: "tools/call", params } as Wire,
  ]);
});

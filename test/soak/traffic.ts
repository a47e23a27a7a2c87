// A day's traffic of clients, right and wrong: every era, server requests, cancelled and dropped calls, tokens that run out,
// a server that crashes. Each action checks its own answer.
import { expect } from "bun:test";
import { messageOf } from "../../src/errors.ts";
import {
  listen,
  openSession,
  post,
  readAnswer,
  within,
  INITIALIZE,
  type Wire,
  type WireSession,
} from "../eras/wire.ts";
import { refresh, signIn, type SignedIn } from "../faults/sign-in.ts";
import { createStatelessClient } from "../matrix/stateless-wire.ts";
import type { Program } from "../program.ts";

/** One person's client, which goes through all actions again and again. */
export interface TrafficClient {
  /** Does the next thing. */
  act(): Promise<void>;
  /** Does each thing once, those that are rare as well. */
  actAll(): Promise<void>;
  /** Has its person approve once more, when it comes to that. */
  approveSoon(): void;
}

const QUESTION = {
  method: "elicitation/create",
  params: { message: "Who?", requestedSchema: { type: "object" } },
};
const ACCEPT = { action: "accept", content: { name: "Ada" } };

/** @param pasted what the program's person pastes to approve */
export async function createTrafficClient({ ready }: Program, pasted: string): Promise<TrafficClient> {
  let signedIn: SignedIn = await signIn(ready.url, { token: pasted });
  let isApprovalDue = false;
  const headers = () => signedIn.headers;
  const modern = () => createStatelessClient(ready.url, undefined, headers());
  const inSession = async (talk: (session: WireSession) => Promise<void>) => {
    const session = await openSession(ready.url, headers());
    await talk(session);
    await session.end();
  };

  const actions: Record<string, () => Promise<void>> = {
    "a session": () =>
      inSession(async (session) => {
        expectAnswer(await session.call("echo", { text: "x".repeat(1_000) }));
        expectAnswer(await session.call("progress", { count: 3 }));
      }),
    "a megabyte": () =>
      inSession(async (session) => {
        expectAnswer(await session.call("big", { bytes: 1024 * 1024 }));
      }),
    "a listener": () =>
      inSession(async (session) => {
        const stream = listen(await session.listen());
        await session.call("list_changed");
        await stream.close();
      }),
    "a question": () =>
      inSession(async (session) => {
        const stream = listen(await session.start("ask", QUESTION));
        const question = await stream.next();
        if (question.method === undefined) return expectAnswer(question);
        await session.send({ jsonrpc: "2.0", id: question.id, result: ACCEPT });
        expectAnswer(await stream.next());
      }),
    "an abandoned session": async () => {
      expectAnswer(await readAnswer(await post(ready.url, INITIALIZE, headers())));
    },
    "a dropped call": () =>
      inSession(async (session) => {
        const stream = listen(await session.start("hold", { key: crypto.randomUUID() }, "dropped"));
        await stream.next();
        await stream.close();
        await session.send({
          jsonrpc: "2.0",
          method: "notifications/cancelled",
          params: { requestId: "dropped" },
        });
      }),
    "HTTP+SSE": async () => {
      const stream = listen(await fetch(ready.sse, { headers: headers() }));
      const endpoint = new URL((await stream.nextEvent()).data, ready.sse).href;
      const send = (body: object) => post(endpoint, body, headers());
      await send(INITIALIZE);
      expectAnswer(await stream.next());
      await send({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "cwd" } });
      expectAnswer(await stream.next());
      await stream.close();
    },
    "a call without a session": async () => {
      expectAnswer(await modern().call("echo", { text: "y".repeat(1_000) }));
    },
    "a question without a session": async () => {
      const first = await modern().call("ask", QUESTION);
      if (first.result?.["resultType"] !== "input_required") return expectAnswer(first);
      const { requestState } = first.result;
      const more = { requestState, inputResponses: { "elicitation-1": ACCEPT } };
      expectAnswer(await modern().call("ask", QUESTION, {}, more));
    },
    "a dropped call without a session": async () => {
      const { signal, abort } = createAbort();
      const gone = modern()
        .start("hold_silently", { key: crypto.randomUUID() }, { signal })
        .catch(() => {});
      expectAnswer(await modern().call("cwd"));
      abort();
      await gone;
    },
    "a subscription": async () => {
      const { signal, abort } = createAbort();
      const params = { notifications: { toolsListChanged: true } };
      const response = await modern().request("subscriptions/listen", params, { signal });
      expect(response.status).toBe(200);
      abort();
    },
    // The one used least makes room for it, and it for the next.
    "a server process of its own": async () => {
      const unlike = { experimental: { [crypto.randomUUID()]: {} } };
      expectAnswer(await createStatelessClient(ready.url, unlike, headers()).call("cwd"));
    },
    // A grant ends for good at last; long before that its person approves once more. That is a new client.
    "an approval": async () => {
      if (!isApprovalDue) return;
      isApprovalDue = false;
      signedIn = await signIn(ready.url, { token: pasted });
    },
    "a token renewed": async () => {
      signedIn = await refresh(ready.url, signedIn);
    },
    "a stranger": async () => {
      expect((await post(ready.url, INITIALIZE, { authorization: "Bearer made-up" })).status).toBe(401);
    },
  };
  /**
   * Rounds from one time to the next of what is rare. A session is kept for a quarter of an hour, whoever has left it; a
   * grant gives out a hundred new tokens a minute.
   */
  const rare: Record<string, number> = {
    "an abandoned session": 100,
    "a server process of its own": 10,
    "a token renewed": 50,
  };
  const names = Object.keys(actions);
  const run = async (name: string) => {
    try {
      await within(actions[name]!(), "its end");
    } catch (thrown) {
      throw new Error(`${name} went wrong: ${messageOf(thrown)}`, { cause: thrown });
    }
  };
  let count = 0;

  return {
    async act() {
      const name = names[count % names.length]!;
      const round = Math.floor(count++ / names.length);
      if (round % (rare[name] ?? 1) === 0) await run(name);
    },
    async actAll() {
      for (const name of names) await run(name);
    },
    approveSoon() {
      isApprovalDue = true;
    },
  };
}

/** Makes the server that sessions of a client share crash. */
export async function crashServer({ ready }: Program, pasted: string): Promise<void> {
  const { headers } = await signIn(ready.url, { token: pasted });
  const session = await openSession(ready.url, headers);
  expect((await session.call("crash")).error?.message).toContain("exited");
  expectAnswer(await session.call("cwd"));
  await session.end();
}

function expectAnswer({ result, error }: Wire): void {
  expect(error).toBeUndefined();
  expect(result).toBeDefined();
}

function createAbort() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

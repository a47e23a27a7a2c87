// What observers of calls see, in every dialect and on servers of both eras, and that they cannot steer.
import { describe, expect, test } from "bun:test";
import type { CallInfo, CallObserver, CallOutcome } from "../../src/eras/observers/call-observer.ts";
import { createDelivery } from "../../src/eras/observers/delivery.ts";
import { createCalls } from "../../src/eras/observers/observed-calls.ts";
import { readMessages } from "../../src/frame/message.ts";
import { openSession, openSseSession, readAnswer, until } from "../eras/wire.ts";
import { createAuditLog, type AuditEntry } from "../fixtures/audit-log.ts";
import { createStatelessClient } from "../matrix/stateless-wire.ts";
import { FORBIDDEN, openEndpoint, PERSON, type ObservedEndpoint } from "./endpoint.ts";

const SERVERS = ["obedient", "stateless"] as const;
const HOLDS = { obedient: "hold_silently", stateless: "hold" } as const;
const FAILED = '{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"isError":true}}';
const ERROR = '{"jsonrpc":"2.0","id":$ID,"error":{"code":-32602,"message":"no"}}';

/** A client of one dialect: sends a call, and takes one back. */
interface Client {
  send(tool: string, args: object, id: number): Promise<unknown>;
  cancel(id: number): Promise<unknown>;
}

const DIALECTS: Record<string, (endpoint: ObservedEndpoint) => Promise<Client>> = {
  async "2024-11-05 over HTTP+SSE"({ sse }) {
    const session = await openSseSession(sse);
    return {
      send: (tool, args, id) => session.send(toCall(tool, args, id)),
      cancel: (id) => session.send(toCancel(id)),
    };
  },
  async "2025-11-25 with a session"({ url }) {
    const session = await openSession(url);
    return {
      send: async (tool, args, id) => (await session.start(tool, args, id)).text(),
      cancel: (id) => session.send(toCancel(id)),
    };
  },
  async "2026-07-28 without sessions"({ url }) {
    const client = createStatelessClient(url);
    const controllers = new Map<number, AbortController>();
    return {
      async send(tool, args, id) {
        const controller = new AbortController();
        controllers.set(id, controller);
        return client.start(tool, args, { id, signal: controller.signal });
      },
      cancel: async (id) => controllers.get(id)?.abort(),
    };
  },
};

function toCall(name: string, args: object, id: number): object {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } };
}

function toCancel(requestId: number): object {
  return { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } };
}

describe.each(Object.keys(DIALECTS))("an audit log, %s", (dialect) => {
  test.each(SERVERS)("has every call and its outcome, on the server %s", async (server) => {
    const entries: AuditEntry[] = [];
    const begun: (string | undefined)[] = [];
    const beginnings: CallObserver = { begin: ({ name }) => void begun.push(name) };
    await using endpoint = await openEndpoint(server, [
      createAuditLog((entry) => entries.push(entry)),
      beginnings,
    ]);
    const client = await DIALECTS[dialect]!(endpoint);

    await client.send("echo", {}, 11);
    await client.send("raw", { reply: FAILED }, 12);
    await client.send("raw", { reply: ERROR }, 13);
    await client.send(FORBIDDEN, {}, 14);
    const held = client.send(HOLDS[server], { key: "held" }, 15).catch(() => {});
    await until("the call has begun", () => begun.includes(HOLDS[server]));
    await client.cancel(15);
    await held;

    await until("five calls are over", () => entries.length === 5);
    expect(entries.map(({ tool, outcome }) => `${tool}: ${outcome}`).sort()).toEqual(
      [
        "echo: result",
        "raw: tool-error",
        "raw: error",
        `${FORBIDDEN}: refused`,
        `${HOLDS[server]}: cancelled`,
      ].sort(),
    );
    for (const { person, ms } of entries) {
      expect(person).toBe(PERSON);
      expect(ms).toBeGreaterThanOrEqual(0);
    }
    expect(endpoint.warnings()).toBe("");
  });
});

/** Keeps everything. */
function createRecorder() {
  const calls: { info: CallInfo; outcome?: CallOutcome; steps: string[] }[] = [];
  const observer: CallObserver = {
    begin(info) {
      const call: (typeof calls)[number] = { info, steps: [] };
      calls.push(call);
      return {
        notified: (message) => call.steps.push(`notified ${methodOf(message)}`),
        asked: (message) => call.steps.push(`asked ${methodOf(message)}`),
        end: (outcome) => (call.outcome = outcome),
      };
    },
  };
  const ended = async (method: string) => {
    const find = () => calls.find(({ info, outcome }) => info.method === method && outcome !== undefined);
    await until(`${method} is over`, () => find() !== undefined);
    return find()!;
  };
  return { observer, calls, ended };
}

function methodOf(message: Uint8Array): string {
  return (JSON.parse(Buffer.from(message).toString()) as { method: string }).method;
}

test("sizes, codes, the dialect and the revision are those of the wire", async () => {
  const { observer, calls, ended } = createRecorder();
  await using endpoint = await openEndpoint("obedient", [observer]);
  const session = await openSession(endpoint.url);
  const opened = await ended("initialize");
  expect(opened.info).toMatchObject({ dialect: "sessions", revision: "2025-11-25", name: undefined });
  const text = await (await session.start("raw", { reply: ERROR }, 21)).text();
  const { info, outcome } = await ended("tools/call");
  expect(info).toMatchObject({ dialect: "sessions", revision: "2025-11-25", name: "raw" });
  expect(info.size).toBe(Buffer.byteLength(JSON.stringify(toCall("raw", { reply: ERROR }, 21))));
  expect(outcome).toMatchObject({ kind: "error", code: -32602, status: undefined, size: text.length });
  expect(calls).toHaveLength(2);
});

test("each call of a batch is one, and what was never admitted has the status of its refusal", async () => {
  const { observer, calls } = createRecorder();
  await using endpoint = await openEndpoint("obedient", [observer]);
  const session = await openSession(endpoint.url);
  await session.send(
    `[${JSON.stringify(toCall("echo", {}, 31))},${JSON.stringify(toCall("raw", { reply: ERROR }, 32))}]`,
  );
  await session.send(toCall(FORBIDDEN, {}, 33));
  await session.send(toCall("echo", {}, 34), { "mcp-session-id": "unknown" });
  const seen = () =>
    calls.filter(({ info, outcome }) => info.method === "tools/call" && outcome !== undefined);
  await until("four calls are over", () => seen().length === 4);
  expect(seen().map(({ info, outcome }) => [info.name, outcome!.kind, outcome!.status])).toEqual([
    ["echo", "result", undefined],
    ["raw", "error", undefined],
    [FORBIDDEN, "refused", 403],
    ["echo", "refused", 404],
  ]);
});

test("the call of a client that has gone is cancelled, over HTTP+SSE too", async () => {
  const { observer, calls, ended } = createRecorder();
  await using endpoint = await openEndpoint("obedient", [observer]);
  const session = await openSseSession(endpoint.sse);
  await session.send(toCall("hold_silently", { key: "held" }, 61));
  await until("the call has begun", () => calls.some(({ info }) => info.name === "hold_silently"));
  await session.close();
  expect((await ended("tools/call")).outcome).toMatchObject({ kind: "cancelled", code: undefined, size: 0 });
});

test("notifications and requests to the client on the way are seen", async () => {
  const { observer, ended } = createRecorder();
  await using endpoint = await openEndpoint("obedient", [observer]);
  const session = await openSseSession(endpoint.sse);
  const call = toCall("ask", { method: "roots/list", params: {} }, 41);
  await session.send({
    ...call,
    params: { ...(call as { params: object }).params, _meta: { progressToken: 1 } },
  });
  const asked = await session.next();
  expect(asked.method).toBe("roots/list");
  await session.send({ jsonrpc: "2.0", id: asked.id, result: { roots: [] } });
  await session.next();
  const { steps } = await ended("tools/call");
  expect(steps).toEqual(["asked roots/list"]);
});

test("observers that throw or reject change nothing, and are reported once", async () => {
  const fail = () => {
    throw new Error("broken");
  };
  const { observer, ended } = createRecorder();
  const observers: CallObserver[] = [
    { begin: fail, received: fail, streams: fail },
    { begin: () => ({ end: fail, notified: fail, asked: fail }) },
    // What an async function comes to.
    { begin: () => ({ end: () => Promise.reject(new Error("broken")) as unknown as undefined }) },
    observer,
  ];
  await using endpoint = await openEndpoint("obedient", observers);
  const session = await openSession(endpoint.url);
  for (let id = 51; id < 54; id++) {
    const { result } = await readAnswer(await session.start("echo", {}, id));
    expect(result).toBeDefined();
  }
  expect((await ended("tools/call")).outcome?.kind).toBe("result");
  expect(endpoint.warnings().match(/An observer of calls has failed/g)).toHaveLength(3);
});

test("an observer is called when the answer has left; a prompt one, and all of them at the end, at once", async () => {
  const order: string[] = [];
  const delivery = createDelivery(() => {});
  delivery.queue({}, order, order.push, "later");
  delivery.queue({ isPrompt: true }, order, order.push, "at once");
  await Promise.resolve();
  order.push("answer");
  await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual(["at once", "answer", "later"]);
  delivery.queue({}, order, order.push, "flushed");
  delivery.flush();
  expect(order.at(-1)).toBe("flushed");
});

test("without observers nothing of a call is wrapped, and no stream is followed", () => {
  const read = readMessages(Buffer.from(JSON.stringify(toCall("echo", {}, 1))));
  if ("fault" in read) throw new Error(read.fault);
  const { messages } = read;
  const arrival = {
    request: new Request("http://127.0.0.1/mcp"),
    caller: { key: "", isValid: () => true },
    batch: false,
    messages,
  };
  const responder = { notify() {}, respond() {}, cancelled() {} };
  const calls = createCalls({ observers: [], now: Date.now, warn() {} });
  expect(calls.open(arrival, "sessions").admit(messages[0], responder)).toBe(responder);
  expect(calls.streams).toBeUndefined();
  const watched = createCalls({ observers: [createRecorder().observer], now: Date.now, warn() {} });
  expect(watched.open(arrival, "sessions").admit(messages[0], responder)).not.toBe(responder);
});

// Server processes and parked calls end as time passes: the bridge itself, with real servers and
// a clock of the test's own.
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import type { Bridge } from "../../src/bridge/bridge.ts";
import { createBridge } from "../../src/bridge/lasting/lasting-bridge.ts";
import { canonical, type ClientCapabilities } from "../../src/bridge/envelope.ts";
import { createSpawner } from "../../src/child/spawn.ts";
import { readMessages, type Message } from "../../src/frame/message.ts";
import { createLog } from "../../src/log.ts";
import { fixture, INITIALIZE, isAlive, type Wire } from "../eras/wire.ts";
import { ALL, META, REVISION } from "../matrix/stateless-wire.ts";

const MINUTE = 60_000;

let bridge: Bridge;
let elapsed: number;
beforeEach(() => {
  jest.useFakeTimers();
  elapsed = 0;
});
afterEach(async () => {
  jest.useRealTimers();
  await bridge.close();
});

function setUp(server: "versatile" | "obedient" | "stateless"): void {
  const command = {
    file: process.execPath,
    args: [fixture(server)],
    env: {},
    viaShell: false,
    name: server,
    target: server,
  };
  bridge = createBridge({
    startChild: createSpawner({ command, cwd: ".", env: process.env, maxLine: 1_000_000, grace: 1_000 }),
    process: "client",
    hasAnonymous: false,
    childEra: "auto",
    maxChildren: 8,
    requestStateKey: randomBytes(32),
    now: () => elapsed,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    log: createLog({ level: "quiet", write: () => {}, color: false }),
    onServer: () => {},
    onStderr: () => {},
  });
  void bridge.launch();
}

function passTime(minutes: number): void {
  elapsed += minutes * MINUTE;
  jest.advanceTimersByTime(minutes * MINUTE);
}

/** Every clock stands still, so this counts turns of the event loop instead of milliseconds. */
const MANY_TURNS = 5_000_000;

async function until(what: string, holds: () => unknown): Promise<void> {
  for (let turn = 0; !(await holds()); turn++) {
    if (turn > MANY_TURNS) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function toMessage(message: object): Message {
  const reading = readMessages(Buffer.from(JSON.stringify(message)));
  if ("fault" in reading) throw new Error(reading.fault);
  const [first] = reading.messages;
  if (first === undefined) throw new Error("no message");
  return first;
}

interface Answering {
  /** Once there is one. */
  answer: Wire | undefined;
  preceding: Wire[];
}

/** Sends a request of 2026-07-28. */
async function send(who: string, method: string, params: object): Promise<Answering> {
  const capabilities: ClientCapabilities = ALL;
  const _meta = { [META.version]: REVISION, [META.capabilities]: capabilities };
  const request = toMessage({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } });
  const envelope = {
    version: REVISION,
    clientInfo: undefined,
    capabilities,
    capabilitiesKey: canonical(capabilities),
    logLevel: undefined,
  };
  const server = await bridge.findServer({ key: who }, envelope);
  const answering: Answering = { answer: undefined, preceding: [] };
  const read = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as Wire;
  server!.call(request, envelope, {
    notify: (message) => answering.preceding.push(read(message)),
    respond: (message) => (answering.answer = read(message)),
    cancelled() {},
  });
  server!.release();
  return answering;
}

const start = (who: string, name: string, args: object = {}, more: object = {}) =>
  send(who, "tools/call", { name, arguments: args, ...more });

async function call(who: string, name: string, args?: object, more?: object): Promise<Wire> {
  const answering = await start(who, name, args, more);
  await until(`the answer of ${name}`, () => {
    // Questions that are asked at once are waited for by a timer.
    jest.advanceTimersByTime(5);
    return answering.answer;
  });
  return answering.answer!;
}

async function listen(who: string): Promise<void> {
  const { preceding } = await send(who, "subscriptions/listen", {
    notifications: { toolsListChanged: true },
  });
  await until("the acknowledgment", () => preceding.length > 0);
}

const pidOf = async (who: string) => (await call(who, "pid")).result?.["pid"] as number;

describe("the process of a client", () => {
  test("ends a quarter of an hour after the client was last heard, and not that of another", async () => {
    setUp("obedient");
    const [ada, bob] = [await pidOf("ada"), await pidOf("bob")];
    expect(ada).not.toBe(bob);
    passTime(10);
    expect(await pidOf("bob")).toBe(bob);
    passTime(6);
    await until("Ada's to be gone", () => !isAlive(ada));
    expect(isAlive(bob)).toBeTrue();
    passTime(10);
    await until("Bob's to be gone", () => !isAlive(bob));
    expect(await pidOf("ada")).not.toBe(ada);
  });

  test.each([
    ["a call is in flight", () => start("ada", "hold_silently", { key: 1 })],
    ["a stream is open", () => listen("ada")],
  ])("stays as long as %s", async (_what, begin) => {
    setUp("obedient");
    const pid = await pidOf("ada");
    await begin();
    passTime(60);
    expect(await pidOf("ada")).toBe(pid);
  });

  test("stays as long as a session is open on it", async () => {
    setUp("obedient");
    const client = { sendUnrelated: () => {}, closed: () => {} };
    const conversation = (await bridge.openSession({ key: "ada" }, toMessage(INITIALIZE), client))!;
    const ask = (request: object) =>
      new Promise<Wire>((resolve) =>
        conversation.call(toMessage(request), {
          notify() {},
          respond: (bytes) => resolve(JSON.parse(Buffer.from(bytes).toString()) as Wire),
          cancelled() {},
        }),
      );
    await ask(INITIALIZE);
    const call = { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "pid" } };
    const pid = (await ask(call)).result?.["pid"] as number;
    passTime(60);
    expect((await ask(call)).result?.["pid"]).toBe(pid);
    conversation.close();
    passTime(16);
    await until("its process to be gone", () => !isAlive(pid));
  });
});

describe("a call whose client got an input request and does not come back", () => {
  const question = { method: "elicitation/create", params: { message: "Who?" } };
  const back = (requestState: unknown) => ({
    requestState,
    inputResponses: { "elicitation-1": { action: "accept" } },
  });

  test("waits ten minutes, and can be resumed until then", async () => {
    setUp("versatile");
    const { result } = await call("ada", "ask_or_fail", { question });
    passTime(9);
    const answer = await call("ada", "ask_or_fail", { question }, back(result?.["requestState"]));
    expect(answer.result).toMatchObject({ answer: { action: "accept" } });
  });

  test("is refused after that; the server gets the person's cancellation, and then that of the call", async () => {
    setUp("versatile");
    const { result } = await call("ada", "ask_or_fail", { question });
    passTime(11);
    const late = await call("ada", "ask_or_fail", { question }, back(result?.["requestState"]));
    expect(late.error?.code).toBe(-32602);
    const { result: told } = await call("ada", "history");
    const lines = ((told?.["history"] ?? []) as string[]).map((line) => JSON.parse(line) as Wire);
    const asking = lines.find(({ params }) => params?.["name"] === "ask_or_fail");
    expect(lines).toContainEqual(expect.objectContaining({ result: { action: "cancel" } }));
    expect(lines.find(({ method }) => method === "notifications/cancelled")?.params).toMatchObject({
      requestId: asking?.id,
    });
  });

  test("is refused after that when it was sent to a page, too, though no call is parked", async () => {
    setUp("versatile");
    for (const [minutes, outcome] of [
      // It is asked anew: this server is never content.
      [9, { result: { resultType: "input_required" } }],
      [11, { error: { code: -32602 } }],
    ] as const) {
      const { result } = await call("ada", "visit");
      passTime(minutes);
      expect(await call("ada", "visit", {}, back(result?.["requestState"]))).toMatchObject(outcome);
    }
  });

  test("keeps an answer of the server's ten minutes, and no longer", async () => {
    setUp("versatile");
    for (const [minutes, outcome] of [
      [9, { result: { released: "key" } }],
      [11, { error: { code: -32602 } }],
    ] as const) {
      const args = { question, key: "key" };
      const { result } = await call("ada", "ask_and_hold", args);
      await call("ada", "release", { key: "key" });
      passTime(minutes);
      const answer = await call("ada", "ask_and_hold", args, back(result?.["requestState"]));
      expect(answer).toMatchObject(outcome);
    }
  });
});

// A pair made of two others, through the modern model: what docs/design.md says of a third kind of revision rests on it.
// A client with sessions is translated to requests that stand alone, and these to a server with a handshake.
import { expect, test } from "bun:test";
import type { AdapterOptions, StatelessAdapter } from "../../src/bridge/adapter.ts";
import { canonical, parseSpan, readMeta } from "../../src/bridge/envelope.ts";
import { PAIRS } from "../../src/bridge/pairs.ts";
import type { Message } from "../../src/frame/message.ts";
import { META } from "../../src/mcp/meta.ts";
import { createFakeChild, createPairOptions, toMessage, writeEnvelope } from "./fake-child.ts";
import { INITIALIZE, INITIALIZE_RESULT, openFakeSession } from "./pair-clients.ts";

const CAPABILITIES = { elicitation: {} };

/** A child that is itself a pair: what it gets are requests that stand alone. */
function toChild(back: StatelessAdapter): AdapterOptions["acquireChild"] {
  const server = back.serve("ada");
  return (events) => {
    const under = new Map<string, () => void>();
    const write = (bytes: Uint8Array) => events.line(bytes);
    return {
      pid: 1,
      send(bytes) {
        const message = toMessage(Buffer.from(bytes).toString());
        if (message.kind === "request")
          under.set(
            message.id,
            server.call(message, readEnvelope(message), { notify: write, respond: write, cancelled() {} }),
          );
        if (message.method === "notifications/cancelled")
          under.get(JSON.stringify(parseSpan(message, message.params?.get("requestId"))))?.();
        return true;
      },
      read() {},
      close: back.close,
    };
  };
}

function readEnvelope(message: Message) {
  const capabilities = parseSpan(message, readMeta(message).get(META.capabilities)) as Record<
    string,
    unknown
  >;
  return { ...writeEnvelope(capabilities), capabilitiesKey: canonical(capabilities) };
}

async function open() {
  const child = createFakeChild();
  const back = PAIRS.modernClient.legacy(createPairOptions(child, writeEnvelope(CAPABILITIES)));
  const front = PAIRS.legacyClient.modern({ ...createPairOptions(child), acquireChild: toChild(back) });
  const session = openFakeSession(front);
  const params = { ...INITIALIZE.params, capabilities: CAPABILITIES };
  const initialize = session.call({ ...INITIALIZE, params });
  const greeting = await child.answer("initialize", INITIALIZE_RESULT);
  await child.next();
  return { child, session, greeting, initialized: await initialize.answer };
}

test("initialize is answered with what the server says", async () => {
  const { greeting, initialized } = await open();
  expect(greeting.params?.["capabilities"]).toEqual(CAPABILITIES);
  expect(initialized.result).toEqual(INITIALIZE_RESULT);
});

test("a call loses on its way what it has gained on it, and hears of its progress under its own token", async () => {
  const { child, session } = await open();
  const call = session.call(
    '{"id":"x", "jsonrpc":"2.0","method":"tools/call","params":{"_meta":{"progressToken":"p"},"n":1.0}}',
  );
  const { id, text } = await child.next();
  expect(text).toBe(
    `{"id":${id}, "jsonrpc":"2.0","method":"tools/call","params":{"_meta":{"progressToken":${id}},"n":1.0}}`,
  );
  child.say({ method: "notifications/progress", params: { progressToken: id, progress: 1 } });
  expect((await call.before.next()).params).toEqual({ progressToken: "p", progress: 1 });
  child.say(`{"jsonrpc":"2.0","id":${id},"result":{ "n":1.0 }}`);
  expect((await call.answer).text).toContain('"id":"x"');
});

test("a request of the server's reaches the client, and its answer the server's call", async () => {
  const { child, session } = await open();
  const call = session.call({ id: 1, method: "tools/call", params: { name: "buy" } });
  const { id } = await child.next();
  child.say({ id: "q", method: "elicitation/create", params: { message: "Sure?" } });
  const asked = await call.before.next();
  expect(asked).toMatchObject({ method: "elicitation/create", params: { message: "Sure?" } });
  session.send({ id: asked.id, result: { action: "accept" } });
  expect(await child.next()).toMatchObject({ id: "q", result: { action: "accept" } });
  child.say({ id, result: { bought: true } });
  expect((await call.answer).result).toMatchObject({ bought: true });
});

test("a call that is cancelled is cancelled at the server", async () => {
  const { child, session } = await open();
  session.call({ id: 1, method: "tools/call" });
  const { id } = await child.next();
  session.send({ method: "notifications/cancelled", params: { requestId: 1 } });
  expect((await child.next()).params).toMatchObject({ requestId: id });
});

// The four pairs before their server ends: nobody is asked any more, and calls in flight are told why.
import { expect, test } from "bun:test";
import { createLegacyOnLegacy } from "../../src/bridge/legacy-client-legacy-server/legacy-client-legacy-server.ts";
import { createLegacyOnModern } from "../../src/bridge/legacy-client-modern-server/legacy-client-modern-server.ts";
import { createModernOnLegacy } from "../../src/bridge/modern-client-legacy-server/modern-client-legacy-server.ts";
import { createModernOnModern } from "../../src/bridge/modern-client-modern-server/modern-client-modern-server.ts";
import { createFakeChild, createPairOptions, writeEnvelope } from "./fake-child.ts";
import {
  callStateless,
  greetLegacy,
  INITIALIZE,
  INITIALIZE_RESULT,
  openFakeSession,
} from "./pair-clients.ts";

const REASON = "The MCP server is restarted because its files have changed. Try again.";
const FAILED = { error: { code: -32603, message: REASON } };
const call = (id: number) => ({ id, method: "tools/call", params: { name: "ask" } });
const question = (id: string, method: string) => ({ id, method, params: { message: "?" } });

test("legacy client, legacy server: the client is told, the server gets an answer, and may ask no more", async () => {
  const child = createFakeChild();
  const adapter = createLegacyOnLegacy(createPairOptions(child));
  const session = await greetLegacy(adapter, child);
  const asking = session.call(call(1));
  await child.next();
  child.say(question("q1", "elicitation/create"));
  child.say(question("q2", "sampling/createMessage"));
  const shown = [await asking.before.next(), await asking.before.next()];
  expect(adapter.atWork).toBe(1);

  adapter.cancelRequests(REASON);
  for (const { id } of shown)
    expect(await asking.before.next()).toMatchObject({
      method: "notifications/cancelled",
      params: { requestId: id, reason: REASON },
    });
  expect(await child.next()).toMatchObject({ id: "q1", result: { action: "cancel" } });
  expect(await child.next()).toMatchObject({ id: "q2", error: { code: -32603, message: REASON } });
  child.say(question("q3", "elicitation/create"));
  child.say({ id: "q4", method: "ping" });
  expect(await child.next()).toMatchObject({ id: "q3", result: { action: "cancel" } });
  expect(await child.next()).toMatchObject({ id: "q4", result: {} });
  expect(asking.before.rest()).toEqual([]);

  adapter.failCalls(REASON);
  expect(await asking.answer).toMatchObject({ id: 1, ...FAILED });
  expect(adapter.atWork).toBe(0);
  expect(session.isClosed()).toBe(false);
});

test("legacy client, modern server: the call goes on without the client's answer, and asks no more", async () => {
  const child = createFakeChild();
  const adapter = createLegacyOnModern(createPairOptions(child));
  const session = openFakeSession(adapter);
  const initialize = session.call(INITIALIZE);
  await child.answer("server/discover", { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } });
  await initialize.answer;
  const asking = session.call(call(1));
  const inputRequests = { name: { method: "elicitation/create", params: { message: "?" } } };
  const required = { resultType: "input_required", inputRequests };
  await child.answer("tools/call", required);
  const { id } = await asking.before.next();

  adapter.cancelRequests(REASON);
  expect(await asking.before.next()).toMatchObject({
    method: "notifications/cancelled",
    params: { requestId: id, reason: REASON },
  });
  const retry = await child.answer("tools/call", required);
  expect(retry.params?.["inputResponses"]).toEqual({ name: { action: "cancel" } });
  // It asks once more, and is answered without the client.
  expect((await child.next()).params?.["inputResponses"]).toEqual({ name: { action: "cancel" } });
  expect(asking.before.rest()).toEqual([]);
  adapter.failCalls(REASON);
  expect(await asking.answer).toMatchObject({ id: 1, ...FAILED });
});

test("modern client, legacy server: a parked call ends at the server, a running one is told why", async () => {
  const child = createFakeChild();
  const envelope = writeEnvelope({ elicitation: { form: {} } });
  const adapter = createModernOnLegacy(createPairOptions(child, envelope));
  const parked = callStateless(adapter, call(1), envelope);
  await child.answer("initialize", INITIALIZE_RESULT);
  await child.next();
  const sent = await child.next();
  child.say(question("q1", "elicitation/create"));
  const { result } = await parked.answer;
  expect(result).toMatchObject({ resultType: "input_required" });
  expect([adapter.pending, adapter.atWork]).toEqual([1, 0]);
  const running = callStateless(adapter, call(2), envelope);
  await child.next();
  expect(adapter.atWork).toBe(1);

  adapter.cancelRequests(REASON);
  expect(await child.next()).toMatchObject({ id: "q1", result: { action: "cancel" } });
  expect(await child.next()).toMatchObject({
    method: "notifications/cancelled",
    params: { requestId: sent.id },
  });
  const retry = { ...call(3), params: { name: "ask", requestState: result?.["requestState"] } };
  expect((await callStateless(adapter, retry, envelope).answer).error?.message).toContain(
    "Send the request anew",
  );
  adapter.failCalls(REASON);
  expect(await running.answer).toMatchObject({ id: 2, ...FAILED });
  expect([adapter.pending, adapter.atWork]).toEqual([0, 0]);
});

test("modern client, modern server: calls are told why, and streams are not counted as work", async () => {
  const child = createFakeChild();
  const adapter = createModernOnModern(createPairOptions(child));
  const listening = callStateless(adapter, {
    id: 1,
    method: "subscriptions/listen",
    params: { notifications: {} },
  });
  await child.next();
  expect([adapter.pending, adapter.atWork]).toEqual([1, 0]);
  const running = callStateless(adapter, call(2));
  await child.next();
  expect(adapter.atWork).toBe(1);
  adapter.cancelRequests(REASON);
  adapter.failCalls(REASON);
  expect(await running.answer).toMatchObject({ id: 2, ...FAILED });
  expect([adapter.pending, adapter.atWork]).toEqual([1, 0]);
  listening.leave();
});

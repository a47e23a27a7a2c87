// A process that goes on with a session and does not answer what it is told of it.
import { afterEach, expect, jest, test } from "bun:test";
import type { SessionSetup } from "../../src/bridge/bridge.ts";
import { createAttachment } from "../../src/bridge/lasting/attachment.ts";
import { PAIRS } from "../../src/bridge/pairs.ts";
import { createFakeChild, createPairOptions, toMessage } from "./fake-child.ts";
import { INITIALIZE, INITIALIZE_RESULT } from "./pair-clients.ts";

afterEach(() => void jest.useRealTimers());

const SETUP: SessionSetup = {
  initialize: toMessage(INITIALIZE),
  isInitialized: true,
  logLevel: "error",
  resources: new Set(["file:///a", "file:///b"]),
};

function open() {
  const child = createFakeChild();
  const adapter = PAIRS.legacyClient.legacy(createPairOptions(child));
  const attachment = createAttachment({
    sendUnrelated() {},
    open: (_initialize, side) => Promise.resolve({ outcome: "open", conversation: adapter.open(side) }),
    restartCount: () => 0,
    lost() {},
  });
  return { child, adapter, attachment, renewed: attachment.renew(SETUP) };
}

test("calls are made though subscriptions are never answered, and nothing waits for these any more", async () => {
  jest.useFakeTimers();
  const { child, adapter, attachment, renewed } = open();
  await child.answer("initialize", INITIALIZE_RESULT);
  expect((await child.next()).method).toBe("notifications/initialized");
  await child.answer("logging/setLevel", {});
  const asked = [await child.next(), await child.next()];
  expect(asked.map(({ params }) => params)).toEqual([{ uri: "file:///a" }, { uri: "file:///b" }]);
  jest.advanceTimersByTime(10_000);
  expect(await renewed).toBe(true);
  expect([attachment.isReady, adapter.pending]).toEqual([true, 0]);
  const cancelled = [await child.next(), await child.next()];
  expect(cancelled.map(({ params }) => params?.["requestId"])).toEqual(asked.map(({ id }) => id!));
});

test("a session that ends meanwhile is over for the process, too", async () => {
  const { child, adapter, attachment, renewed } = open();
  expect((await child.next()).method).toBe("initialize");
  expect(adapter.pending).toBe(1);
  attachment.close();
  expect(adapter.pending).toBe(0);
  expect(await renewed).toBe(true);
  expect(attachment.isReady).toBe(false);
});

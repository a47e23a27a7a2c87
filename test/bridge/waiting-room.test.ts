// What waits for a server is bounded, and its room is given back however the wait ends.
import { expect, test } from "bun:test";
import type { BridgeOptions } from "../../src/bridge/bridge.ts";
import { createBridge } from "../../src/bridge/lasting/lasting-bridge.ts";
import { createWaitingCalls } from "../../src/bridge/lasting/waiting-calls.ts";
import { createWaitingRoom } from "../../src/bridge/lasting/waiting-room.ts";
import { createFakeChild, createPairOptions, toMessage, writeEnvelope } from "./fake-child.ts";

/** All of it is free to one caller. */
function openRoom(most: number) {
  const all = createWaitingRoom(most, 0);
  return {
    ...all.forCaller("ada"),
    get bytes() {
      return all.bytes;
    },
  };
}

test("one caller who fills the room leaves some for the first message of each other one", () => {
  const room = createWaitingRoom(10, 3);
  const [ada, bob, eve] = ["ada", "bob", "eve"].map(room.forCaller);
  while (eve!.enter(1) !== undefined);
  expect(room.bytes).toBe(7);
  const leave = ada!.enter(2);
  expect(leave).toBeDefined();
  expect(ada!.enter(1)).toBeUndefined();
  // Who waits has taken what it needs, and may be found a process.
  expect(ada!.enter(0)).toBeDefined();
  expect(bob!.enter(2)).toBeUndefined();
  leave?.();
  expect(bob!.enter(2)).toBeDefined();
});

test("there is room up to the limit, and it is given back once", () => {
  const room = openRoom(10);
  const leave = room.enter(6);
  expect([room.enter(5), room.bytes]).toEqual([undefined, 6]);
  leave?.();
  leave?.();
  expect(room.bytes).toBe(0);
  expect(room.enter(10)).toBeDefined();
});

test("a caller that goes away gives its room back at once, and what comes for it later is dropped", async () => {
  const room = openRoom(10);
  const gone = new AbortController();
  const work = Promise.withResolvers<string>();
  const dropped: string[] = [];
  const waiting = room.wait(
    () => work.promise,
    { bytes: 8, signal: gone.signal },
    (late) => dropped.push(late),
  );
  expect(room.bytes).toBe(8);
  gone.abort();
  expect([await waiting, room.bytes]).toEqual([undefined, 0]);
  work.resolve("a server");
  await work.promise;
  await Promise.resolve();
  expect(dropped).toEqual(["a server"]);
});

test("work that fails gives its room back", async () => {
  const room = openRoom(10);
  expect(room.wait(() => Promise.reject(new Error("it failed")), { bytes: 8 })).rejects.toThrow("it failed");
  await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(room.bytes).toBe(0);
});

test("calls that wait give their room back when they are made, cancelled or closed; too much is refused as busy", async () => {
  const attached = Promise.withResolvers<boolean>();
  const answers: unknown[] = [];
  const made: string[] = [];
  const request = (id: number) => toMessage({ id, method: "tools/call", params: { name: "x".repeat(50) } });
  const { length } = request(1).bytes;
  const room = openRoom(3 * length);
  const calls = createWaitingCalls({
    attach: () => attached.promise,
    make: ({ id }) => void made.push(id),
    room,
  });
  const responder = {
    notify() {},
    respond: (bytes: Uint8Array) => void answers.push(JSON.parse(Buffer.from(bytes).toString())),
    cancelled: () => void answers.push("cancelled"),
  };
  for (const id of [1, 2, 3, 4]) calls.add(request(id), responder);
  expect(room.bytes).toBe(3 * length);
  expect(answers).toMatchObject([
    { id: 4, error: { code: -32603, message: expect.stringContaining("busy") } },
  ]);
  calls.cancel("1");
  expect([room.bytes, answers.at(-1)]).toEqual([2 * length, "cancelled"]);
  attached.resolve(true);
  await attached.promise;
  await Promise.resolve();
  expect([room.bytes, ...made]).toEqual([0, "2", "3"]);
  const never = createWaitingCalls({ attach: () => new Promise(() => {}), make() {}, room });
  never.add(request(5), responder);
  never.close("The session has ended.");
  expect([room.bytes, answers.at(-1)]).toMatchObject([
    0,
    { id: 5, error: { message: "The session has ended." } },
  ]);
});

test("strangers who wait leave room for people who have signed in", async () => {
  const child = createFakeChild();
  const options: Partial<BridgeOptions> = { hasAnonymous: true, childEra: "modern", maxChildren: 8 };
  const bridge = createBridge({
    ...createPairOptions(child),
    ...options,
    startChild: child.start,
  } as unknown as BridgeOptions);
  // It does not answer: everyone waits.
  void bridge.launch();
  const outcomes: string[] = [];
  const wait = (key: string) =>
    void bridge
      .findServer({ key }, writeEnvelope(), 1024 * 1024)
      .then((server) => outcomes.push(`${key}: ${server === undefined ? "refused" : "served"}`));
  for (let count = 0; count < 60; count++) wait("");
  wait("ada");
  await new Promise((resolve) => setImmediate(resolve));
  expect(outcomes).toEqual(Array.from({ length: 52 }, () => ": refused"));
  for (let count = 0; count < 64; count++) wait("ada");
  await new Promise((resolve) => setImmediate(resolve));
  // The last 8 MB are for others of whom nothing waits.
  expect(outcomes.slice(52)).toEqual(Array.from({ length: 9 }, () => "ada: refused"));
  await bridge.close();
});

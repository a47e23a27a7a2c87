// A clock that jumps, as one does that is set right after the machine has slept: nothing may last for ever for it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createBackoff } from "../../src/bridge/process/backoff.ts";
import { messageOf } from "../../src/errors.ts";
import { createSessions, type HttpSession } from "../../src/eras/sessions.ts";
import { createThrottle } from "../../src/oauth/limits/throttle.ts";
import { startServer, TOKEN, type Harness } from "../oauth/harness.ts";
import { refresh, signIn, type SignedIn } from "./sign-in.ts";

const DAY = 86_400_000;

describe("tokens, when the clock jumps", () => {
  let server: Harness;
  let signedIn: SignedIn;
  beforeAll(async () => {
    server = await startServer();
    signedIn = await signIn(`${server.url}/mcp`, { token: TOKEN });
  });
  afterAll(() => server.stop());

  const status = async () => (await fetch(`${server.url}/mcp`, { headers: signedIn.headers })).status;

  test("back a year: are good, and can be renewed", async () => {
    server.clock.now -= 365 * DAY;
    expect(await status()).toBe(200);
    signedIn = await refresh(`${server.url}/mcp`, signedIn);
    expect(await status()).toBe(200);
  });

  test("forward a year: have run out, and cannot be renewed", async () => {
    server.clock.now += 2 * 365 * DAY;
    expect(await status()).toBe(401);
    const refusal = await refresh(`${server.url}/mcp`, signedIn).catch(messageOf);
    expect(refusal).toBe("no tokens: status 400");
  });
});

test("a client throttled before the clock went back is not throttled until the clock has caught up", () => {
  let now = DAY;
  const throttle = createThrottle({ limit: 1, windowMs: 1_000, now: () => now });
  throttle.count("key");
  expect(throttle.waitOf("key")).toBe(1_000);
  now = 0;
  expect(throttle.waitOf("key")).toBe(0);
});

test("a server that crashes across a jump is restarted without a longer wait than any other", () => {
  let now = DAY;
  const backoff = createBackoff(() => now);
  now = 0;
  const waits = [backoff.next(), backoff.next()];
  now = 10 * DAY;
  expect([...waits, backoff.next()]).toEqual([0, 250, 0]);
});

test("a session used before the clock went back ends after its time all the same, once it is used", () => {
  let now = DAY;
  const ended: string[] = [];
  const sessions = createSessions<HttpSession>({
    now: () => now,
    random: (bytes) => new Uint8Array(bytes),
    idle: 1_000,
  });
  const caller = { key: "me", isValid: () => true };
  sessions.add({
    id: "id",
    callerKey: "me",
    isConnected: () => false,
    isAtWork: () => false,
    close: () => ended.push("id"),
  });
  now = 0;
  sessions.reap();
  expect(sessions.find("id", caller)).toBeDefined();
  now = 1_001;
  sessions.reap();
  expect(ended).toEqual(["id"]);
});

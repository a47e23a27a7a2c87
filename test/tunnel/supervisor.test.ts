// Tests what the supervisor does over time, on a clock that moves only while it sleeps.
import { describe, expect, test } from "bun:test";
import { UserError } from "../../src/errors.ts";
import { HEARTBEAT } from "../../src/tunnel/ngrok/ngrok.ts";
import {
  type AttemptEvents,
  chooseDelay,
  type AttemptFactory,
  type AttemptFailure,
  supervise,
} from "../../src/tunnel/supervisor.ts";
import type { Tunnel, TunnelConnection } from "../../src/tunnel/tunnel.ts";

const TARGET = { host: "127.0.0.1", port: 1 };
const URL = "https://x.example";

function failure(outlook: AttemptFailure["outlook"], message: string = outlook): AttemptFailure {
  return { error: new UserError(message, "advice", 1), outlook };
}

interface Scene {
  /** What the attempts come to, one after the other; the last one stands for all that follow. */
  outcomes: (TunnelConnection | AttemptFailure)[];
  /** From when to when, in milliseconds, nothing can be reached. */
  outage?: [from: number, until: number];
  signal?: AbortSignal;
}

function stage({ outcomes, outage, signal = new AbortController().signal }: Scene) {
  let clock = 0;
  const reported: unknown[] = [];
  const attempts: { at: number; events: AttemptEvents; end(how: AttemptFailure): void; state: string }[] = [];
  const sleeps: number[] = [];
  const factory: AttemptFactory = {
    name: "ngrok",
    begin(_target, events) {
      const ended = Promise.withResolvers<AttemptFailure>();
      const outcome = outcomes[Math.min(attempts.length, outcomes.length - 1)]!;
      const attempt = { at: clock, events, end: ended.resolve, state: "running" };
      attempts.push(attempt);
      return {
        opened: Promise.resolve(outcome),
        ended: ended.promise,
        close: async () => void (attempt.state = "closed"),
        kill: () => void (attempt.state = "killed"),
      };
    },
    ...(outage && { isReachable: async () => clock < outage[0] || clock >= outage[1] }),
  };
  const timing = {
    now: () => clock,
    random: () => 0.5,
    async sleep(ms: number, { aborted }: AbortSignal) {
      if (aborted) return;
      sleeps.push(ms);
      clock += ms;
      // Lets everything that waits for nothing but promises happen, as a real pause would.
      await new Promise(setImmediate);
    },
  };
  const opening = supervise(factory, timing)(
    TARGET,
    {
      up: (up) => reported.push({ up }),
      down: (down) => reported.push({ down }),
      failed: (reason, advice) => reported.push({ failed: reason, advice }),
      warn: (text) => reported.push({ warning: text }),
    },
    signal,
  );
  return { opening, reported, attempts, sleeps, now: () => clock };
}

/** Not `expect(…).rejects`: Bun waits for that without letting immediates run. */
async function messageOf(opening: Promise<unknown>): Promise<string> {
  const refusal: unknown = await opening.catch((thrown: unknown) => thrown);
  return refusal instanceof Error ? refusal.message : "it opened";
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 10_000) throw new Error("waited in vain");
    await new Promise(setImmediate);
  }
}

describe("opening", () => {
  test("gives the URL and the round trip of the first attempt", async () => {
    const { opening, attempts } = stage({ outcomes: [{ url: URL, roundTrip: 12 }] });
    expect(await opening).toMatchObject({ url: URL, roundTrip: 12 });
    expect(attempts).toHaveLength(1);
  });

  test.each(["permanent", "transient"] as const)(
    "is refused at once when the first attempt is (%s)",
    async (outlook) => {
      const { opening, attempts } = stage({ outcomes: [failure(outlook, "no")] });
      expect(await messageOf(opening)).toBe("no");
      expect(attempts.map(({ state }) => state)).toEqual(["killed"]);
    },
  );

  test("retries for 30 s while the URL is occupied, and is then refused", async () => {
    const { opening, attempts, reported, now } = stage({ outcomes: [failure("occupied", "taken.")] });
    expect(await messageOf(opening)).toBe("taken.");
    expect(now()).toBe(30_000);
    expect(attempts.length).toBeGreaterThan(6);
    expect(reported).toEqual([{ warning: "taken. Retrying for 30 s." }]);
  });

  test("opens as soon as the URL is free", async () => {
    const { opening, attempts } = stage({
      outcomes: [failure("occupied"), failure("occupied"), { url: URL }],
    });
    expect((await opening).url).toBe(URL);
    expect(attempts.map(({ state }) => state)).toEqual(["killed", "killed", "running"]);
  });

  test("can be aborted, and leaves nothing running", async () => {
    const giveUp = new AbortController();
    const scene = stage({ outcomes: [failure("occupied")], signal: giveUp.signal });
    await until(() => scene.attempts.length >= 2);
    giveUp.abort(new Error("given up"));
    expect(await messageOf(scene.opening)).toBe("given up");
    const { length } = scene.attempts;
    await until(() => scene.attempts.every(({ state }) => state === "killed"));
    expect(scene.attempts).toHaveLength(length);
  });
});

describe("an open tunnel that is lost", () => {
  test("is open again with the next attempt, and reports since when it was down", async () => {
    const { opening, reported, attempts } = stage({ outcomes: [{ url: URL }, { url: URL, roundTrip: 3 }] });
    await opening;
    attempts[0]!.end(failure("transient", "broke"));
    await until(() => reported.length === 2);
    expect(reported).toEqual([
      { down: { reason: "broke", since: 0, nextTry: 750 } },
      { up: { url: URL, roundTrip: 3 } },
    ]);
    expect(attempts.map(({ state }) => state)).toEqual(["killed", "running"]);
  });

  test("is retried after 0.5 s at first and after 30 s at most, without end", async () => {
    const { opening, reported, attempts, sleeps } = stage({ outcomes: [{ url: URL }, failure("transient")] });
    const tunnel = await opening;
    attempts[0]!.end(failure("transient"));
    await until(() => reported.length === 12);
    await tunnel.close();
    expect(sleeps.slice(0, 8)).toEqual([750, 1500, 3000, 6000, 12_000, 22_500, 22_500, 22_500]);
    expect(new Set(reported.map((one) => (one as { down: { since: number } }).down.since))).toEqual(
      new Set([0]),
    );
  });

  test.each([
    [0, 0, 500],
    [0, 0.999, 1000],
    [50, 0, 15_000],
    [50, 0.9999, 29_999],
  ])("spreads the delays (try %p, random %p)", (tries, random, delay) => {
    expect(chooseDelay(tries, random)).toBeWithin(delay - 1, delay + 1);
  });

  test("is retried within 3 s of the network's return, and not before", async () => {
    const { opening, reported, attempts, now } = stage({ outcomes: [{ url: URL }], outage: [1, 20_000] });
    await opening;
    attempts[0]!.end(failure("transient", "broke"));
    await until(() => reported.length === 3);
    expect(attempts).toHaveLength(2);
    expect(attempts[1]!.at - 20_000).toBeWithin(0, 1_001);
    expect(now()).toBe(attempts[1]!.at);
    expect(reported[1]).toMatchObject({
      down: { reason: "ngrok cannot be reached. Is this machine online?", since: 0 },
    });
  });

  test("is given up when a person has to act, with advice", async () => {
    const { opening, reported, attempts, sleeps } = stage({
      outcomes: [{ url: URL }, failure("permanent", "The authtoken was revoked.")],
    });
    await opening;
    attempts[0]!.end(failure("transient", "broke"));
    await until(() => reported.length === 2);
    expect(reported[1]).toEqual({ failed: "The authtoken was revoked.", advice: "advice" });
    const { length } = sleeps;
    await new Promise(setImmediate);
    expect({ attempts: attempts.length, sleeps: sleeps.length }).toEqual({ attempts: 2, sleeps: length });
  });

  test("is not given up because its URL is occupied: its own old connection may hold it", async () => {
    const { opening, attempts, now } = stage({ outcomes: [{ url: URL }, failure("occupied")] });
    const tunnel = await opening;
    attempts[0]!.end(failure("transient"));
    await until(() => now() > 120_000);
    await tunnel.close();
  });

  test("reports another URL if the provider assigns one", async () => {
    const { opening, reported, attempts } = stage({
      outcomes: [{ url: URL }, { url: "https://other.example" }],
    });
    await opening;
    attempts[0]!.end(failure("transient"));
    await until(() => reported.length === 2);
    expect(reported[1]).toEqual({ up: { url: "https://other.example" } });
  });
});

describe("a provider's program that reconnects by itself", () => {
  test("is not interfered with", async () => {
    const { opening, reported, attempts } = stage({ outcomes: [{ url: URL }] });
    await opening;
    attempts[0]!.events.interrupted("lost");
    attempts[0]!.events.resumed({ url: URL });
    expect(reported).toEqual([{ down: { reason: "lost", since: 0 } }, { up: { url: URL } }]);
    expect(attempts).toHaveLength(1);
  });
});

test("closing ends the attempt in order, and nothing is reported or tried after it", async () => {
  const { opening, reported, attempts } = stage({ outcomes: [{ url: URL }] });
  const tunnel: Tunnel = await opening;
  await tunnel.close();
  attempts[0]!.end(failure("transient"));
  await new Promise(setImmediate);
  expect(reported).toEqual([]);
  expect(attempts.map(({ state }) => state)).toEqual(["closed"]);
});

test("a silent peer is noticed within 20 s", () => {
  expect(HEARTBEAT.interval + HEARTBEAT.tolerance).toBeLessThan(20);
});

// The SDKs' clients reconnect for the rest of a stream after a call that ended without a result.
// That must end there, and leave alone the stream they listen on: a loop of one GET a second uses a free tunnel's
// requests of a month up within hours.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { expose, openSession, readEvents, within } from "../eras/wire.ts";
import type { Program } from "../program.ts";
import { until } from "./until.ts";

setDefaultTimeout(90_000);

interface Connected {
  call(name: string, args: object, options?: { timeout?: number; signal?: AbortSignal }): Promise<unknown>;
  close(): Promise<void>;
}

interface Connecting {
  url: string;
  fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  /** The server has sent that its list of tools has changed. */
  changed(): void;
}

const INFO = { name: "reconnect-test", version: "1" };

const SDKS: Record<string, (connecting: Connecting) => Promise<Connected>> = {
  async "SDK v1"({ url, fetch, changed }) {
    const client = new ClientV1(INFO);
    client.setNotificationHandler(ToolListChangedNotificationSchema, changed);
    await client.connect(new HttpV1(new URL(url), { fetch }));
    return {
      call: (name, args, options) =>
        client.callTool({ name, arguments: args as Record<string, unknown> }, undefined, options),
      close: () => client.close(),
    };
  },
  async "SDK v2"({ url, fetch, changed }) {
    const client = new ClientV2(INFO);
    client.setNotificationHandler("notifications/tools/list_changed", changed);
    await client.connect(new HttpV2(new URL(url), { fetch }));
    return {
      call: (name, args, options) =>
        client.callTool({ name, arguments: args as Record<string, unknown> }, options),
      close: () => client.close(),
    };
  },
};

const REVISIONS = ["2025-03-26", "2025-06-18", "2025-11-25"];

const TOLD = { jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "begun" } };
const FAILED = `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32603,"message":"It failed."}}`;

/** How calls end without a result. */
const ENDINGS: Record<string, { calls: number; end(client: Connected): Promise<unknown> }> = {
  "a call that timed out": {
    calls: 1,
    end: (client) => client.call("hold_silently", { key: "silent" }, { timeout: 100 }),
  },
  "a call that timed out after its stream had begun": {
    calls: 1,
    end: (client) => client.call("hold", { key: "begun" }, { timeout: 500 }),
  },
  "a call that was cancelled": {
    calls: 1,
    end(client) {
      const gone = new AbortController();
      const ended = client.call("hold", { key: "cancelled" }, { signal: gone.signal });
      setTimeout(() => gone.abort(), 500);
      return ended;
    },
  },
  "two calls that timed out at once": {
    calls: 2,
    end: (client) =>
      Promise.allSettled(["one", "two"].map((key) => client.call("hold", { key }, { timeout: 500 }))).then(
        (ends) => Promise.reject(new Error(ends.map(({ status }) => status).join())),
      ),
  },
  "a call whose stream ended with an error": {
    calls: 1,
    end: (client) => client.call("raw", { reply: `${JSON.stringify(TOLD)}\n${FAILED}` }),
  },
};

interface Observed {
  /** Requests GET that the client has sent since it had its stream. */
  gets: number;
  heard: number;
  client: Connected;
}

async function observe(url: string, sdk: string, revision: string): Promise<Observed> {
  let listening = false;
  const observed = { gets: 0, heard: 0 };
  const client = await SDKS[sdk]!({
    url,
    changed: () => observed.heard++,
    async fetch(to, init) {
      const body = typeof init?.body === "string" ? init.body : undefined;
      const asked = body?.replace(/("protocolVersion":)"[^"]*"/, `$1"${revision}"`);
      if (init?.method === "GET" && listening) observed.gets++;
      const response = await fetch(to, { ...init, ...(asked !== undefined && { body: asked }) });
      if (init?.method === "GET") listening = true;
      return response;
    },
  });
  await until("the client listens", () => listening);
  return Object.assign(observed, { client });
}

/** Passes when this many comments have come on a stream that nothing is said on: one in 15 seconds. */
async function waitForComments(url: string, count: number): Promise<void> {
  const response = await (await openSession(url)).listen();
  let seen = 0;
  for await (const { event, data } of readEvents(response))
    if (event === ":" && data === "keep-alive" && ++seen === count) return;
  throw new Error("the stream has ended");
}

describe("found 26: after", () => {
  const CASES = Object.keys(ENDINGS).flatMap((ending) =>
    Object.keys(SDKS).flatMap((sdk) => REVISIONS.map((revision) => [ending, sdk, revision] as const)),
  );
  const observations = new Map<string, Observed>();
  let program: Program;

  // All of them at once: what takes its time is that nothing happens.
  beforeAll(async () => {
    program = await expose("obedient", ["--max-children", "100"]);
    const { url } = program.ready;
    await Promise.all(
      CASES.map(async (names) => {
        const [ending, sdk, revision] = names;
        const observed = await observe(url, sdk, revision);
        observations.set(names.join(), observed);
        const ended = await ENDINGS[ending]!.end(observed.client).catch(() => "without a result");
        expect(ended).toBe("without a result");
      }),
    );
    // From one comment to the next there are 15 seconds.
    await within(waitForComments(url, 2), "two comments", 60_000);
  });
  afterAll(async () => {
    await Promise.all([...observations.values()].map(({ client }) => client.close()));
    await program?.stop();
  });

  test.each(CASES)(
    "%s, %s asks once at most for the rest (%s), and still hears the server",
    async (...names) => {
      const { gets, client } = observations.get(names.join())!;
      expect(gets).toBeLessThanOrEqual(ENDINGS[names[0]]!.calls);
      await client.call("list_changed", {}).catch(() => {});
      await until("the client hears of it", () => observations.get(names.join())!.heard > 0);
      expect(observations.get(names.join())!.gets).toBe(gets);
    },
  );

  test("a call that timed out and had no stream yet, there is nothing to come back for", () => {
    const silent = CASES.filter(([ending]) => ending === "a call that timed out");
    expect(silent.map((names) => observations.get(names.join())!.gets)).toEqual(silent.map(() => 0));
  });
});

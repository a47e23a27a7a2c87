// The endpoint over a real server, with a store and a clock of the test's own, and callers who need no token.
import { createBridge } from "../../src/bridge/lasting/lasting-bridge.ts";
import { createSpawner } from "../../src/child/spawn.ts";
import type { Caller } from "../../src/eras/caller.ts";
import { createEndpoint, type Endpoint } from "../../src/eras/endpoint.ts";
import { createLog } from "../../src/log.ts";
import type { Store } from "../../src/store/store.ts";
import { fixture, INITIALIZE, readAnswer, type Wire } from "./wire.ts";

export interface ClockedEndpoint {
  readonly endpoint: Endpoint;
  /** Milliseconds since the epoch. */
  readonly clock: { now: number };
  /** What the program would have printed. */
  logged(): string;
  /** Processes started so far. */
  starts(): number;
  /** Opens a session. @returns its id */
  open(caller: Caller): Promise<string>;
  send(id: string, caller: Caller, message: object): Promise<Response>;
  call(id: string, caller: Caller, tool: string): Promise<Wire>;
  get(id: string, caller: Caller, lastEventId?: string): Promise<Response>;
  end(id: string, caller: Caller): Promise<Response>;
  close(): Promise<void>;
}

const URL_OF_ALL = "http://127.0.0.1/mcp";

export function personOf(key: string, grantId = `grant of ${key}`): Caller {
  return {
    key,
    principal: { subject: key, clientId: "c", grantId, scopes: ["mcp"] },
    isValid: () => true,
    refuse: () => undefined,
  };
}

export function openClocked(
  store: Store,
  server = "obedient",
  args: readonly string[] = [],
): ClockedEndpoint {
  const clock = { now: Date.UTC(2026, 10, 21) };
  let printed = "";
  let started = 0;
  const log = createLog({ level: "normal", write: (text) => (printed += text), color: false });
  const shared = {
    now: () => clock.now,
    random: (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)),
    log,
  };
  const command = {
    file: process.execPath,
    args: [fixture(server), ...args],
    env: {},
    viaShell: false,
    name: server,
    target: server,
  };
  const bridge = createBridge({
    ...shared,
    startChild: createSpawner({ command, cwd: ".", env: process.env, maxLine: 1_000_000, grace: 1_000 }),
    requestStateKey: shared.random(32),
    process: "client",
    hasAnonymous: false,
    childEra: "auto",
    maxChildren: 8,
    onServer: ({ state }) => (started += state === "started" ? 1 : 0),
    onStderr: () => {},
  });
  void bridge.launch();
  const endpoint = createEndpoint({
    ...shared,
    bridge,
    sessionStore: { store, serverId: "server-1" },
    messagesPath: "/messages",
    maxBody: 1_000_000,
    streamsGet: true,
    arrived: () => {},
  });
  const ask = async (caller: Caller, method: string, headers: Record<string, string>, body?: object) =>
    endpoint.mcp(
      new Request(URL_OF_ALL, {
        method,
        headers: { ...headers, accept: "application/json, text/event-stream" },
        ...(body && { body: JSON.stringify(body) }),
      }),
      caller,
    );
  const send: ClockedEndpoint["send"] = (id, caller, message) =>
    ask(caller, "POST", { "mcp-session-id": id, "content-type": "application/json" }, message);
  return {
    endpoint,
    clock,
    logged: () => printed,
    starts: () => started,
    async open(caller) {
      const opened = await ask(caller, "POST", { "content-type": "application/json" }, INITIALIZE);
      await opened.text();
      const id = opened.headers.get("mcp-session-id") ?? "";
      await send(id, caller, { jsonrpc: "2.0", method: "notifications/initialized" });
      return id;
    },
    send,
    call: async (id, caller, name) =>
      readAnswer(
        await send(id, caller, {
          jsonrpc: "2.0",
          id: 1,
          method: "tools/call",
          params: { name, arguments: {} },
        }),
      ),
    get: (id, caller, lastEventId) =>
      ask(caller, "GET", { "mcp-session-id": id, ...(lastEventId && { "last-event-id": lastEventId }) }),
    end: (id, caller) => ask(caller, "DELETE", { "mcp-session-id": id }),
    async close() {
      endpoint.endSessions();
      await bridge.close();
      await endpoint.close();
    },
  };
}

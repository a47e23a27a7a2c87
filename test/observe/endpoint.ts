// The endpoint with a real server behind it, on a port of this process, so that observers can be added from outside.
import { randomBytes } from "node:crypto";
import { createBridge } from "../../src/bridge/lasting/lasting-bridge.ts";
import { createSpawner } from "../../src/child/spawn.ts";
import type { CallObserver } from "../../src/eras/observers/call-observer.ts";
import type { Caller } from "../../src/eras/caller.ts";
import { createEndpoint } from "../../src/eras/endpoint.ts";
import { createLog } from "../../src/log.ts";
import { fixture } from "../eras/wire.ts";

export interface ObservedEndpoint {
  readonly url: string;
  readonly sse: string;
  /** What the program would have printed. */
  warnings(): string;
  [Symbol.asyncDispose](): Promise<void>;
}

export const PERSON = "ada";
/** A tool that the caller may not call. */
export const FORBIDDEN = "forbidden";

const CALLER: Caller = {
  key: PERSON,
  principal: { subject: PERSON, clientId: "c", grantId: "g", scopes: ["mcp"] },
  isValid: () => true,
  refuse: () => undefined,
  policy: {
    looksAtHints: false,
    refuse: ({ tool }) => (tool?.name === FORBIDDEN ? new Response(null, { status: 403 }) : undefined),
    view: () => ({}),
  },
};

export async function openEndpoint(
  server: "obedient" | "stateless",
  observers: readonly CallObserver[],
): Promise<ObservedEndpoint> {
  let warnings = "";
  const log = createLog({ level: "quiet", write: (text) => (warnings += text), color: false });
  const shared = {
    now: Date.now,
    random: (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)),
    log,
  };
  const command = {
    file: process.execPath,
    args: [fixture(server)],
    env: {},
    viaShell: false,
    name: server,
    target: server,
  };
  const bridge = createBridge({
    ...shared,
    startChild: createSpawner({ command, cwd: ".", env: process.env, maxLine: 1_000_000, grace: 1_000 }),
    process: "client",
    hasAnonymous: false,
    childEra: "auto",
    maxChildren: 8,
    requestStateKey: randomBytes(32),
    onServer: () => {},
    onStderr: () => {},
  });
  void bridge.launch();
  const endpoint = createEndpoint({
    ...shared,
    bridge,
    messagesPath: "/messages",
    maxBody: 1_000_000,
    streamsGet: true,
    observers,
    arrived: () => {},
  });
  const listener = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/sse") return endpoint.sse(request, CALLER);
      return pathname === "/messages" ? endpoint.messages(request, CALLER) : endpoint.mcp(request, CALLER);
    },
  });
  return {
    url: new URL("/mcp", listener.url).href,
    sse: new URL("/sse", listener.url).href,
    warnings: () => warnings,
    async [Symbol.asyncDispose]() {
      endpoint.endSessions();
      await bridge.close();
      await endpoint.close();
      await listener.stop(true);
    },
  };
}

// The endpoint in this process with a server whose file the test edits, and clients that are told apart by a header.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Client as ClientV2,
  type ClientOptions as OptionsV2,
  StreamableHTTPClientTransport as HttpV2,
} from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { createBridge } from "../../../src/bridge/lasting/lasting-bridge.ts";
import { createSpawner } from "../../../src/child/spawn.ts";
import type { Caller } from "../../../src/eras/caller.ts";
import { createEndpoint } from "../../../src/eras/endpoint.ts";
import type { StaleTools } from "../../../src/eras/freshness/change-report.ts";
import type { ToolListStore } from "../../../src/eras/freshness/kept-lists.ts";
import type { ToolDifference } from "../../../src/eras/freshness/tool-difference.ts";
import { createLog } from "../../../src/log.ts";
import type { Offer } from "../../fixtures/servers/edited.ts";
import { fixture } from "../wire.ts";

export interface EditedServer {
  readonly url: string;
  readonly sse: string;
  readonly changes: readonly ToolDifference[];
  readonly stale: readonly StaleTools[];
  /** Changes what the server offers from its next start on. */
  edit(offer: Offer): void;
  /** As a save does that is watched. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface EditedServerOptions {
  store?: ToolListStore;
  fetchesWithin?: number;
  mode?: "client" | "session";
}

/** Names the caller of a request. */
export const CALLER_HEADER = "x-caller";

function findCaller(request: Request): Caller {
  const name = request.headers.get(CALLER_HEADER) ?? "ann";
  const isValid = () => true;
  if (name === "anybody") return { key: "", isValid };
  if (name === "anonymous") {
    const policy = { looksAtHints: false, refuse: () => undefined, view: () => ({}) };
    return { key: "", isValid, policy };
  }
  return {
    key: name,
    principal: { subject: name, clientId: name, clientName: `${name}'s ChatGPT`, grantId: "g", scopes: [] },
    isValid,
  };
}

export function openEditedServer(offer: Offer, options: EditedServerOptions = {}): EditedServer {
  const folder = mkdtempSync(join(tmpdir(), "edited-"));
  const file = join(folder, "offer.json");
  const edit = (next: Offer) => writeFileSync(file, JSON.stringify(next));
  edit(offer);
  const changes: ToolDifference[] = [];
  const stale: StaleTools[] = [];
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const log = createLog({ level: "quiet", write: () => {}, color: false });
  const shared = { now: Date.now, random, log };
  const command = { file: process.execPath, args: [fixture("edited"), file], env: {}, viaShell: false };
  const bridge = createBridge({
    ...shared,
    requestStateKey: shared.random(32),
    startChild: createSpawner({
      command: { ...command, name: "edited", target: "edited" },
      cwd: ".",
      env: process.env,
      maxLine: 100_000_000,
      grace: 1_000,
    }),
    process: options.mode ?? "client",
    hasAnonymous: false,
    childEra: "auto",
    maxChildren: 8,
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
    freshness: {
      store: options.store,
      serverId: "server",
      restarts: true,
      fetchesWithin: options.fetchesWithin ?? 60_000,
      toolsChanged: (difference) => changes.push(difference),
      toolsStale: (which) => stale.push(which),
    },
    arrived: () => {},
  });
  const listener = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch(request) {
      const caller = findCaller(request);
      const { pathname } = new URL(request.url);
      if (pathname === "/sse") return endpoint.sse(request, caller);
      return pathname === "/messages" ? endpoint.messages(request, caller) : endpoint.mcp(request, caller);
    },
  });
  return {
    url: new URL("/mcp", listener.url).href,
    sse: new URL("/sse", listener.url).href,
    changes,
    stale,
    edit,
    async restart() {
      await bridge.restart("its files have changed");
      await endpoint.restarted();
    },
    async [Symbol.asyncDispose]() {
      endpoint.endSessions();
      await bridge.close();
      await endpoint.close();
      await listener.stop(true);
      rmSync(folder, { recursive: true });
    },
  };
}

/** A client of an SDK that counts the announcements it hears. */
export interface AnnouncedClient {
  readonly heard: string[];
  list(): Promise<string[]>;
  call(name: string): Promise<unknown>;
  /** Whether it believes that the lists can change. */
  readonly declared: readonly string[];
  close(): Promise<void>;
}

const INFO = { name: "freshness-test", version: "1.0.0" };
const NEVER = { autoRefresh: false, debounceMs: 0 } as const;
const FEATURES = ["tools", "prompts", "resources"] as const;

export async function connectLegacy(url: string, caller = "ann"): Promise<AnnouncedClient> {
  const heard: string[] = [];
  const listChanged = Object.fromEntries(
    FEATURES.map((feature) => [feature, { ...NEVER, onChanged: () => void heard.push(feature) }]),
  );
  const client = new ClientV1(INFO, { listChanged });
  await client.connect(new HttpV1(new URL(url), { requestInit: { headers: { [CALLER_HEADER]: caller } } }));
  return wrap(client, heard);
}

export async function connectModern(url: string, caller = "ann"): Promise<AnnouncedClient> {
  const heard: string[] = [];
  const listChanged = Object.fromEntries(
    FEATURES.map((feature) => [feature, { ...NEVER, onChanged: () => void heard.push(feature) }]),
  ) as NonNullable<OptionsV2["listChanged"]>;
  const client = new ClientV2(INFO, { listChanged, versionNegotiation: { mode: "auto" } });
  await client.connect(new HttpV2(new URL(url), { requestInit: { headers: { [CALLER_HEADER]: caller } } }));
  return wrap(client, heard);
}

function wrap(client: ClientV1 | ClientV2, heard: string[]): AnnouncedClient {
  const known = client.getServerCapabilities() as Record<string, { listChanged?: boolean } | undefined>;
  return {
    heard,
    declared: FEATURES.filter((feature) => known[feature]?.listChanged === true),
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name) =>
      client.callTool({ name, arguments: {} }).then(
        (result) => result,
        (thrown: unknown) => thrown,
      ),
    close: () => client.close(),
  };
}

export function tool(
  name: string,
  more: Record<string, unknown> = {},
  ...args: string[]
): Record<string, unknown> {
  const properties = Object.fromEntries(args.map((arg) => [arg, { type: "string" }]));
  return { name, inputSchema: { type: "object", properties }, ...more };
}

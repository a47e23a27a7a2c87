// A real server whose file is replaced while it runs, behind the real endpoint on a port of this process: the restart is
// asked of the bridge itself, as the watcher and the terminal do.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bridge, LaunchReport, ProcessMode, ServerEvent } from "../../src/bridge/bridge.ts";
import { createBridge } from "../../src/bridge/lasting/lasting-bridge.ts";
import { createSpawner } from "../../src/child/spawn.ts";
import type { Caller } from "../../src/eras/caller.ts";
import { createEndpoint } from "../../src/eras/endpoint.ts";
import { createLog } from "../../src/log.ts";
import { isAlive, type Wire } from "../eras/wire.ts";

export interface ReplaceableServer {
  readonly url: string;
  readonly sse: string;
  readonly bridge: Bridge;
  readonly launched: Promise<LaunchReport>;
  readonly events: readonly ServerEvent[];
  /** What the program would have printed. */
  printed(): string;
  /** Saves other text in the server's file. */
  save(text: string): void;
  restart(): Promise<LaunchReport>;
  /** The processes that have been started and run. */
  living(): number[];
  /** For each process that was started, how many others were still running. */
  readonly neighbours: readonly number[];
  [Symbol.asyncDispose](): Promise<void>;
}

export const REASON = "its files have changed";
const CALLER: Caller = {
  key: "ada",
  principal: { subject: "ada", clientId: "c", grantId: "g", scopes: ["mcp"] },
  isValid: () => true,
  refuse: () => undefined,
};
/** Without a token where others have one. */
const STRANGER: Caller = { key: "", isValid: () => true, refuse: () => undefined };

/** Text of a file that runs a server of the tests. @param server its path below test/ */
export function running(server: string): string {
  return `await import(${JSON.stringify(join(import.meta.dir, "..", server))});\n`;
}

export function textOf({ result }: Wire): string {
  const [content] = (result?.["content"] ?? []) as { text?: string }[];
  return content?.text ?? "";
}

/** @param text the server's file at first */
export async function openReplaceable(
  text: string,
  options: { now?: () => number; maxBody?: number; process?: ProcessMode; isStranger?: boolean } = {},
): Promise<ReplaceableServer> {
  const folder = mkdtempSync(join(tmpdir(), "mcp-expose-restart-"));
  const file = join(folder, "server.ts");
  writeFileSync(file, text);
  const { now = Date.now, maxBody = 1_000_000, process: mode = "client", isStranger = false } = options;
  const caller = isStranger ? STRANGER : CALLER;
  const events: ServerEvent[] = [];
  const neighbours: number[] = [];
  const living = () =>
    events.flatMap((event) => (event.state === "started" && isAlive(event.pid) ? [event.pid] : []));
  let printed = "";
  const log = createLog({ level: "normal", write: (line) => (printed += line), color: false });
  const shared = { now, random: (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)), log };
  const name = "server";
  const command = { file: process.execPath, args: [file], env: {}, viaShell: false, name, target: name };
  const bridge = createBridge({
    ...shared,
    startChild: createSpawner({ command, cwd: folder, env: process.env, maxLine: 1_000_000, grace: 1_000 }),
    requestStateKey: shared.random(32),
    process: mode,
    hasAnonymous: isStranger,
    childEra: "auto",
    maxChildren: 8,
    onServer(event) {
      if (event.state === "started") neighbours.push(living().filter((pid) => pid !== event.pid).length);
      events.push(event);
    },
    onStderr: () => {},
  });
  const launched = bridge.launch();
  const endpoint = createEndpoint({
    ...shared,
    bridge,
    messagesPath: "/messages",
    maxBody,
    streamsGet: true,
    observers: [],
    arrived: () => {},
  });
  const listener = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: 2 * maxBody,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/sse") return endpoint.sse(request, caller);
      return pathname === "/messages" ? endpoint.messages(request, caller) : endpoint.mcp(request, caller);
    },
  });
  return {
    url: new URL("/mcp", listener.url).href,
    sse: new URL("/sse", listener.url).href,
    bridge,
    launched,
    events,
    printed: () => printed,
    save: (newer) => writeFileSync(file, newer),
    restart: () => bridge.restart(REASON),
    living,
    neighbours,
    async [Symbol.asyncDispose]() {
      endpoint.endSessions();
      await bridge.close();
      await endpoint.close();
      await listener.stop(true);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The lines of a file that servers of a test write to; empty while there is none. */
export function readLog(path: string): string[] {
  try {
    return readFileSync(path, "utf8").trim().split("\n");
  } catch {
    return [];
  }
}

// The bridges that are measured, each started the way its own documentation starts it.
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { openSession } from "./mcp.ts";
import type { Peer } from "./peers.ts";
import { signIn } from "./sign-in.ts";
import type { Target } from "./wire.ts";

export interface Running {
  /** The process of the bridge itself. */
  readonly pid: number;
  /** Where to call; its headers carry the token where there is one, and no session. */
  readonly target: Target;
  /** @returns where to call within a session of its own */
  open(): Promise<Target>;
  stop(): Promise<void>;
}

export interface Contender {
  readonly name: string;
  /** Whether it passes bodies of a megabyte. */
  readonly takesLarge: boolean;
  /** Whether it understands clients of 2026-07-28. */
  readonly isModern: boolean;
  /** Starts it; resolves with the headers of the first session as soon as one can be opened. */
  start(): Promise<Running & { first: Target }>;
}

/** The command of the server that all of them wrap. */
export const ECHO: readonly string[] = [process.execPath, join(import.meta.dir, "echo-server.ts")];

/** @param folder for logs and the store */
export function createContenders(
  program: readonly string[],
  peers: Record<Peer, string>,
  folder: string,
): Record<"ours" | "thin" | "mcpProxy" | "mcpProxyTuned" | "supergateway", Contender> {
  const plain = (name: string, wordsFor: (port: number) => string[], takesLarge = true): Contender => ({
    name,
    takesLarge,
    isModern: name.startsWith("mcp-proxy"),
    async start() {
      const port = await findFreePort();
      return launch(name, wordsFor(port), folder, { url: `http://127.0.0.1:${port}/mcp`, headers: {} });
    },
  });
  const mcpProxy = (port: number) => [
    "node",
    peers["mcp-proxy"],
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
  ];
  return {
    ours: createOurs(program, folder),
    thin: plain("thin bridge", (port) => [
      process.execPath,
      join(import.meta.dir, "thin-bridge.ts"),
      String(port),
      ...ECHO,
    ]),
    mcpProxy: plain("mcp-proxy", (port) => [...mcpProxy(port), "--", ...ECHO]),
    mcpProxyTuned: plain("mcp-proxy --no-eventStore", (port) => [
      ...mcpProxy(port),
      "--no-eventStore",
      "--",
      ...ECHO,
    ]),
    supergateway: plain(
      "supergateway --stateful",
      (port) => [
        "node",
        peers.supergateway,
        "--stdio",
        ECHO.join(" "),
        "--outputTransport",
        "streamableHttp",
        "--stateful",
        "--port",
        String(port),
      ],
      false,
    ),
  };
}

const PASTED = "a-token-for-the-bench";

/** What is measured of mcp-expose, where that is not the echo server as it comes. */
export interface OwnWords {
  options?: readonly string[];
  server?: readonly string[];
}

/** With everything on: sign-in, the request log, the store in a file. The token is got once and outlives restarts. */
export function createOurs(
  program: readonly string[],
  folder: string,
  name = "mcp-expose",
  { options = [], server = ["--", ...ECHO] }: OwnWords = {},
): Contender {
  let port: number | undefined;
  let token: string | undefined;
  const store = join(folder, `${name.replaceAll(/\W/g, "-")}.db`);
  return {
    name,
    takesLarge: true,
    isModern: true,
    async start() {
      port ??= await findFreePort();
      const origin = `http://127.0.0.1:${port}`;
      const words = [
        "--port",
        String(port),
        "--tunnel",
        "none",
        "--store",
        store,
        "--token",
        PASTED,
        ...options,
        ...server,
      ];
      const headers = async (): Promise<Record<string, string>> => {
        token ??= await retry(() => signIn(origin, PASTED).catch(() => undefined), 20_000);
        return { authorization: `Bearer ${token}` };
      };
      return launch(name, [...program, ...words], folder, { url: `${origin}/mcp`, headers });
    },
  };
}

async function launch(
  name: string,
  words: readonly string[],
  folder: string,
  { url, headers }: { url: string; headers: Target["headers"] | (() => Promise<Target["headers"]>) },
): Promise<Running & { first: Target }> {
  const log = join(folder, `${name.replaceAll(/\W/g, "-")}.log`);
  const out = openSync(log, "w");
  const child = Bun.spawn([...words], {
    cwd: folder,
    stdin: "ignore",
    stdout: out,
    stderr: out,
    env: ENVIRONMENT,
  });
  closeSync(out);
  const stop = async () => {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await child.exited;
    clearTimeout(late);
  };
  try {
    const own = typeof headers === "function" ? await headers() : headers;
    const target: Target = { url, headers: own };
    const open = async () => {
      if (child.exitCode !== null) throw new Error(`${name} has ended:\n${readFileSync(log, "utf8")}`);
      const session = await openSession(url, own);
      return session && { url, headers: { ...own, ...session } };
    };
    const first = await retry(open, 20_000);
    return { pid: child.pid, target, first, open: async () => (await open())!, stop };
  } catch (thrown) {
    await stop();
    throw new Error(`${name} did not start:\n${readFileSync(log, "utf8")}`, { cause: thrown });
  }
}

const ENVIRONMENT = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/", NO_COLOR: "1" };

/** Tries again every 2 ms: starting is timed with it. */
async function retry<T>(attempt: () => Promise<T | undefined>, ms: number): Promise<T> {
  for (const end = performance.now() + ms; performance.now() < end; await Bun.sleep(2)) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
  throw new Error(`nothing answered within ${ms} ms`);
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

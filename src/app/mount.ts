// Everything that is bound to one wrapped server. There is one today; several behind one URL are a longer list.
import type { PublicUrl } from "./public-url.ts";
import type { Run } from "./run-context.ts";
import type { PreparedTunnel } from "./tunnel.ts";
import type { Command } from "../child/command.ts";
import type { Config } from "../config/config.ts";
import type { Bridge } from "../bridge/bridge.ts";
import type { CallObserver } from "../eras/observers/call-observer.ts";
import { createEndpoint, type Endpoint } from "../eras/endpoint.ts";
import type { FreshnessOptions } from "../eras/freshness/freshness.ts";
import type { PublicServer } from "../http/public-server.ts";
import type { Store } from "../store/store.ts";

/** Where a wrapped server is reached below the public URL. */
export interface MountPaths {
  /** The MCP endpoint. */
  mcp: string;
  /** The event stream of revision 2024-11-05, and the path that its client posts to. */
  sse: string;
  messages: string;
}

export interface Mount {
  /** The name of the wrapped server, for people. */
  name: string;
  paths: MountPaths;
  /** Identifies the wrapped server in the store: a grant for one is worth nothing at another. */
  serverId: string;
  /** Scopes besides the default one, and the tools each opens. */
  scopes: Config["scopes"];
  bridge: Bridge;
  endpoint: Endpoint;
}

/** At least one. */
export type Mounts = readonly [Mount, ...Mount[]];

export interface MountParts {
  bridge: Bridge;
  command: Command;
  publicServer: PublicServer;
  observers: readonly CallObserver[];
  preparedTunnel: PreparedTunnel | undefined;
  serverId: string;
  /** Of this run; it ends with it where nothing may be kept. */
  store: Store;
  url: PublicUrl;
}

export function openMount(run: Run, parts: MountParts): Promise<Mount> {
  const { config, io, lifecycle } = run;
  const { bridge, command, publicServer, preparedTunnel, observers, serverId, store } = parts;
  const { now, random, log } = io;
  const paths: MountPaths = { mcp: config.path, sse: "/sse", messages: "/messages" };
  const open = (): Mount => ({
    name: command.name,
    paths,
    serverId,
    scopes: config.scopes,
    bridge,
    endpoint: createEndpoint({
      now,
      random,
      log,
      bridge,
      observers,
      sessionStore: { store, serverId },
      freshness: followLists(run, parts),
      messagesPath: paths.messages,
      arrived: publicServer.disableIdleTimeout,
      maxBody: config.maxBody,
      streamsGet: preparedTunnel?.capabilities.streamsGet ?? true,
    }),
  });
  return lifecycle.open("the MCP endpoint", open, closeMount);
}

function followLists(
  { config, io }: Run,
  { url, store, serverId }: MountParts,
): Omit<FreshnessOptions, "now" | "warn"> {
  return {
    store,
    serverId,
    restarts: config.watch !== undefined,
    toolsChanged: (difference) => io.emit({ event: "tools", ...difference }),
    toolsStale({ since, query, ...stale }) {
      const renewed = url.current + config.path + query;
      io.emit({ event: "stale", ...stale, since: new Date(since).toISOString(), url: renewed });
    },
  };
}

/** The streams stay open until the server processes have ended: calls left unanswered get their errors on them. */
async function closeMount({ bridge, endpoint }: Mount): Promise<void> {
  endpoint.endSessions();
  await bridge.close();
  await endpoint.close();
}

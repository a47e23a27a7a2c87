// The tunnel of a run, made of its config: the one table of providers, the limits of the one in use, and the reports on it.
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { inheritEnvironment } from "./environment.ts";
import type { AppEvent } from "./event.ts";
import type { Config } from "../config/config.ts";
import { findStateFolder, type Machine } from "../config/state-folder.ts";
import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { AgentCommand } from "../tunnel/ngrok/agent-process.ts";
import { ngrok } from "../tunnel/ngrok/ngrok.ts";
import { cloudflared } from "../tunnel/program/cloudflared.ts";
import { tailscale } from "../tunnel/program/tailscale.ts";
import { createRequestQuota, type RequestQuota } from "../tunnel/request-quota.ts";
import type {
  OpenTunnel,
  TunnelCapabilities,
  TunnelConnection,
  TunnelEvents,
  TunnelProvider,
  TunnelResources,
} from "../tunnel/tunnel.ts";

export interface TunnelIO extends Machine {
  log: Log;
  /** How to start this program as the ngrok agent; `env` is added to the inherited environment. */
  agent: AgentCommand;
  /** More kinds of tunnel, by name. */
  tunnels?: Readonly<Record<string, TunnelProvider>>;
  now(): number;
  random(bytes: number): Uint8Array;
}

/** The resources of a provider that is configured here; most providers need only `TunnelResources`. */
interface TunnelSetup extends TunnelResources {
  config: Config;
  io: TunnelIO;
}

/** Every kind of tunnel. A new one is a line here, its name in the config's choices, and its own file in src/tunnel/. */
const PROVIDERS: Record<Exclude<Config["tunnel"], "none">, TunnelProvider<TunnelSetup>> = {
  ngrok: { ...ngrok, create: configureNgrok },
  cloudflared,
  tailscale,
};

export interface PreparedTunnel {
  capabilities: TunnelCapabilities;
  open: OpenTunnel;
}

/** @throws {UserError} exit code 2: the provider's program is missing, or an option cannot be right */
export function prepareTunnel(config: Config, io: TunnelIO): PreparedTunnel | undefined {
  if (config.tunnel === "none") return undefined;
  const provider: TunnelProvider<TunnelSetup> = io.tunnels?.[config.tunnel] ?? PROVIDERS[config.tunnel];
  const timing = {
    now: io.now,
    random: () => Buffer.from(io.random(4)).readUInt32BE() / 2 ** 32,
    sleep: (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }).catch(() => {}),
  };
  const open = provider.create({ config, io, env: inheritEnvironment(io.env), timing, log: io.log });
  return { capabilities: provider.capabilities, open };
}

function configureNgrok({ config, io, ...resources }: TunnelSetup): OpenTunnel {
  const server = io.env["MCP_EXPOSE_NGROK_SERVER"];
  const caFile = io.env["MCP_EXPOSE_NGROK_CA"];
  return ngrok.create({
    ...resources,
    agent: { ...io.agent, env: { ...resources.env, ...io.agent.env } },
    policy: { ...config.ngrok, ...(config.only && { only: config.only }), fetch },
    ...(config.ngrokAuthtoken !== undefined && { authtoken: config.ngrokAuthtoken }),
    ...(config.domain !== undefined && { domain: config.domain }),
    ...(server !== undefined && { server }),
    ...(caFile !== undefined && { caFile }),
  });
}

const WARN_EVERY = 60_000;

/** Keeps the tunnel's requests within what the provider carries, and warns before a free plan is used up. */
export async function limitRequests(
  { maxRequests, monthlyRequests }: TunnelCapabilities,
  limit: (count: number, onRefused: () => void) => void,
  io: TunnelIO,
): Promise<RequestQuota> {
  const { log, now } = io;
  let warnedAt = -Infinity;
  const onRefused = () => {
    // A flood of requests is refused one by one, and logged once a minute.
    if (now() - warnedAt < WARN_EVERY) return;
    warnedAt = now();
    log.warn(
      `Requests were refused: at most ${maxRequests} may be open at a time, and fewer without a token.`,
    );
  };
  if (maxRequests !== undefined) limit(maxRequests, onRefused);
  if (monthlyRequests === undefined) return { count: () => {}, close: async () => {} };
  return createRequestQuota({
    file: join(findStateFolder(io), "tunnel-requests.json"),
    limit: monthlyRequests,
    now,
    warn: (count, most) =>
      log.warn(`${count} requests came through the tunnel this month. The free plan allows ${most}.`),
  });
}

export interface TunnelReportOptions {
  now(): number;
  log: Log;
  emit(event: AppEvent & { event: "tunnel" }): void;
  /** The URL has changed. */
  moved(url: string): void;
  /** Whether the URL has been announced; before that, its changes and its loss are not reported on their own. */
  isAnnounced(): boolean;
  /** The tunnel is given up. */
  over(problem: UserError): void;
}

/** Turns the tunnel's events into the program's. */
export function reportTunnel({ now, log, emit, isAnnounced, moved, over }: TunnelReportOptions) {
  let url: string | undefined;
  let downSince: number | undefined;

  const up = ({ url: newUrl, roundTrip }: TunnelConnection) => {
    const changed = url !== undefined && newUrl !== url;
    emit({
      event: "tunnel",
      state: "up",
      url: newUrl,
      ...(roundTrip !== undefined && { roundTripMs: roundTrip }),
      ...(downSince !== undefined && { downMs: now() - downSince }),
      ...(changed && isAnnounced() && { changed }),
    });
    url = newUrl;
    downSince = undefined;
    if (changed) moved(newUrl);
  };
  const events: TunnelEvents = {
    up,
    down({ reason, since, nextTry }) {
      downSince = since;
      const next = nextTry === undefined ? {} : { nextTryMs: nextTry };
      emit({ event: "tunnel", state: "down", reason, since: new Date(since).toISOString(), ...next });
    },
    failed(reason, advice) {
      if (isAnnounced())
        emit({ event: "tunnel", state: "failed", reason, ...(advice !== undefined && { advice }) });
      over(new UserError(reason, advice, 1));
    },
    warn: log.warn,
  };
  return { events, up };
}

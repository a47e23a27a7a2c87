// Which tunnel a run has, made of its config; the part of the start-up story that names providers.
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { inheritEnvironment } from "./environment.ts";
import type { AppEvent } from "./event.ts";
import type { Config } from "../config/config.ts";
import { findStateFolder, type Machine } from "../config/state-folder.ts";
import { UserError } from "../errors.ts";
import type { Log } from "../log.ts";
import { createCloudflared } from "../tunnel/program/cloudflared.ts";
import type { PolicyOptions } from "../tunnel/ngrok/traffic-policy.ts";
import type { AgentCommand } from "../tunnel/ngrok/agent-process.ts";
import { createNgrok } from "../tunnel/ngrok/ngrok.ts";
import { createQuota, type Quota } from "../tunnel/request-quota.ts";
import type { SupervisorEnv } from "../tunnel/supervisor.ts";
import { createTailscale } from "../tunnel/program/tailscale.ts";
import type { OpenTunnel, Tunnel, TunnelEvents, Up } from "../tunnel/tunnel.ts";

export interface TunnelIO extends Machine {
  log: Log;
  /** How to start this program as the ngrok agent; `env` is added to what is inherited. */
  agent: AgentCommand;
  now(): number;
  random(bytes: number): Uint8Array;
}

/** @throws {UserError} exit code 2: the provider's program is missing, or an option cannot be right */
export function chooseTunnel(config: Config, io: TunnelIO): OpenTunnel | undefined {
  const env = inheritEnvironment(io.env);
  const around: SupervisorEnv = {
    now: io.now,
    random: () => Buffer.from(io.random(4)).readUInt32BE() / 2 ** 32,
    sleep: (ms, signal) => wait(ms, undefined, { signal }).catch(() => {}),
  };
  switch (config.tunnel) {
    case "ngrok":
      return chooseNgrok(config, io, around, { ...io.agent, env: { ...env, ...io.agent.env } });
    case "cloudflared":
      return createCloudflared({ env, around, log: io.log });
    case "tailscale":
      return createTailscale({ env, around, log: io.log });
    case "none":
      return undefined;
  }
}

/** Whether the tunnel's program can be sent to a Unix socket. tailscaled wants root for that, and then names itself as the Host. */
export function takesSocket({ tunnel }: Pick<Config, "tunnel">): boolean {
  return tunnel === "ngrok" || tunnel === "cloudflared";
}

function chooseNgrok(
  config: Config,
  { env, log }: TunnelIO,
  around: SupervisorEnv,
  agent: AgentCommand,
): OpenTunnel {
  const server = env["MCP_EXPOSE_NGROK_SERVER"];
  const caFile = env["MCP_EXPOSE_NGROK_CA"];
  const policy: PolicyOptions = { ...config.ngrok, ...(config.only && { only: config.only }), fetch };
  return createNgrok({
    log,
    agent,
    around,
    policy,
    ...(config.ngrokAuthtoken !== undefined && { authtoken: config.ngrokAuthtoken }),
    ...(config.domain !== undefined && { domain: config.domain }),
    ...(server !== undefined && { server }),
    ...(caFile !== undefined && { caFile }),
  });
}

const TELL_REFUSED_EVERY = 60_000;

/** Keeps what comes through the tunnel within what the provider carries and, as far as a warning can, gives away. */
export async function watchLoad(
  { capabilities: { maxRequests, monthlyRequests } }: Tunnel,
  limit: (count: number, refused: () => void) => void,
  io: TunnelIO,
): Promise<Quota> {
  const { log, now } = io;
  let told = -Infinity;
  const tellRefused = () => {
    // Whoever sends more than there is room for does not stop at one.
    if (now() - told < TELL_REFUSED_EVERY) return;
    told = now();
    log.warn(`Requests were refused: at most ${maxRequests} are open at a time, fewer without a token.`);
  };
  if (maxRequests !== undefined) limit(maxRequests, tellRefused);
  if (monthlyRequests === undefined) return { count: () => {}, close: async () => {} };
  return createQuota({
    file: join(findStateFolder(io), "tunnel-requests.json"),
    limit: monthlyRequests,
    now,
    warn: (count, most) =>
      log.warn(`${count} requests came through the tunnel this month; the free plan ends at ${most}.`),
  });
}

export interface Listeners {
  now(): number;
  log: Log;
  emit(event: AppEvent & { event: "tunnel" }): void;
  /** The URL is another one from now on. */
  moved(url: string): void;
  /** Whether anybody has been told the URL; until then its changes and its loss are no news of their own. */
  isAnnounced(): boolean;
  /** There will be no tunnel any more. */
  over(problem: UserError): void;
}

/** Makes the program's events of the tunnel's. */
export function tellTunnel({ now, log, emit, isAnnounced, moved, over }: Listeners) {
  let url: string | undefined;
  let since: number | undefined;

  const tellUp = (up: Up) => {
    const changed = url !== undefined && up.url !== url;
    const { roundTrip } = up;
    emit({
      event: "tunnel",
      state: "up",
      url: up.url,
      ...(roundTrip !== undefined && { roundTripMs: roundTrip }),
      ...(since !== undefined && { downMs: now() - since }),
      ...(changed && isAnnounced() && { changed }),
    });
    url = up.url;
    since = undefined;
    if (changed) moved(up.url);
  };
  const events: TunnelEvents = {
    up: tellUp,
    down({ reason, since: lost, nextTry }) {
      since = lost;
      const when = new Date(lost).toISOString();
      const next = nextTry === undefined ? {} : { nextTryMs: nextTry };
      emit({ event: "tunnel", state: "down", reason, since: when, ...next });
    },
    failed(reason, advice) {
      if (isAnnounced())
        emit({ event: "tunnel", state: "failed", reason, ...(advice !== undefined && { advice }) });
      over(new UserError(reason, advice, 1));
    },
    notice: log.warn,
  };
  return { events, tellUp };
}

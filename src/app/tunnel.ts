// Which tunnel a run has, made of its config; the part of the start-up story that names providers.
import { setTimeout as wait } from "node:timers/promises";
import { inheritEnvironment } from "./environment.ts";
import type { Config } from "../config/config.ts";
import type { Machine } from "../config/state-folder.ts";
import type { Log } from "../log.ts";
import { createCloudflared } from "../tunnel/program/cloudflared.ts";
import type { PolicyOptions } from "../tunnel/ngrok/traffic-policy.ts";
import type { AgentCommand } from "../tunnel/ngrok/agent-process.ts";
import { createNgrok } from "../tunnel/ngrok/ngrok.ts";
import type { SupervisorEnv } from "../tunnel/supervisor.ts";
import { createTailscale } from "../tunnel/program/tailscale.ts";
import type { OpenTunnel } from "../tunnel/tunnel.ts";

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

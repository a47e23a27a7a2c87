// A Cloudflare quick tunnel by the person's own cloudflared: no account, another URL each time it starts.
// Arguments and lines as in its source, cmd/cloudflared/tunnel/quick_tunnel.go, connection/observer.go and
// connection/http2.go of https://github.com/cloudflare/cloudflared (2026.8.2). Quick tunnels do not stream answers to GET:
// https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/do-more-with-tunnels/trycloudflare/
import { writeFileSync } from "node:fs";
import { devNull } from "node:os";
import type { Log } from "../../log.ts";
import { beginProgram, findProgram, type ProgramRun } from "./program-attempt.ts";
import { supervise, type SupervisorEnv } from "../supervisor.ts";
import { type OpenTunnel, targetUrl, type TunnelTarget } from "../tunnel.ts";

export interface CloudflaredOptions {
  env: Readonly<Record<string, string | undefined>>;
  around: SupervisorEnv;
  log: Log;
  /** How long it may take until the URL answers: milliseconds. */
  timeout?: number;
}

const TIMEOUT = 45_000;
const INSTALL =
  "Install it from https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/downloads/ " +
  "(no account needed), or use --tunnel ngrok.";

/** @throws {UserError} with exit code 2 when there is no cloudflared */
export function createCloudflared({ env, around, log, timeout = TIMEOUT }: CloudflaredOptions): OpenTunnel {
  const file = findProgram("cloudflared", env, INSTALL);
  return supervise(
    {
      kind: "cloudflared",
      capabilities: { stableUrl: false, streamsGet: false, account: false, maxRequests: 200 },
      begin: (target, events) =>
        beginProgram(
          {
            name: "cloudflared",
            file,
            args: listArguments(target),
            env,
            timeout,
            log,
            createReader,
            advise,
          },
          events,
        ),
    },
    around,
  );
}

/**
 * - `--config`: a config file of the person's, for tunnels of their own, would change what this one does. One of ours can
 *   name a socket, which no option can where `--url` must stand for a quick tunnel, and goes before it
 *   (ingress/ingress.go, `ParseIngressFromConfigAndCLI`);
 * - `--protocol http2`: over UDP a blocked tunnel prints a URL and never answers;
 * - `--loglevel`: the lines read here are of level info;
 * - `--grace-period`: our own streams have been ended before, so there is nothing to wait for.
 */
export function listArguments(target: TunnelTarget): string[] {
  const config = target.socket === undefined ? devNull : writeConfig(target.socket);
  const settings = ["--no-autoupdate", "--config", config, "--protocol", "http2", "--loglevel", "info"];
  const url = targetUrl(target);
  return ["tunnel", ...settings, "--metrics", "127.0.0.1:0", "--grace-period", "1s", "--url", url];
}

/** Beside the socket, and gone with it. JSON is YAML. */
function writeConfig(socket: string): string {
  const file = `${socket}.cloudflared.yml`;
  writeFileSync(file, JSON.stringify({ ingress: [{ service: `unix:${socket}` }] }));
  return file;
}

/** `api.` is the service that hands tunnels out; its address stands in error texts. */
const URL_LINE = /https:\/\/(?!api\.)[a-z0-9-]+\.trycloudflare\.com/;
const LOST =
  /Lost connection with the edge|Connection terminated|Serve tunnel error|Retrying connection in up to/;

function createReader(run: ProgramRun): (line: string) => void {
  let url: string | undefined;
  return (line) => {
    url ??= URL_LINE.exec(line)?.[0];
    // The URL is printed before it leads anywhere.
    if (url !== undefined && line.includes("Registered tunnel connection")) run.up(url);
    else if (LOST.test(line)) run.interrupted("cloudflared has lost its connection to Cloudflare");
  };
}

function advise(words: string): string {
  if (/429|Too Many Requests/.test(words))
    return "Cloudflare gives out no more quick tunnels for now: try again in a few minutes.";
  return "Is this machine online, and may it connect to port 7844 (TCP)? Otherwise use --tunnel ngrok.";
}

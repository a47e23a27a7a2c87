// A Cloudflare quick tunnel by the person's own cloudflared: no account, and another URL each time it starts.
// Arguments and lines as in its source, cmd/cloudflared/tunnel/quick_tunnel.go, connection/observer.go and
// connection/http2.go of https://github.com/cloudflare/cloudflared (2026.8.2). Quick tunnels do not stream answers to GET:
// https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/do-more-with-tunnels/trycloudflare/
import { writeFileSync } from "node:fs";
import { devNull } from "node:os";
import { beginProgram, findProgram, type ProgramResources, type ProgramRun } from "./program-attempt.ts";
import { supervise } from "../supervisor.ts";
import { targetUrl, type TunnelProvider, type TunnelTarget } from "../tunnel.ts";

const TIMEOUT = 45_000;
const INSTALL =
  "Install it from https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/downloads/ " +
  "(no account needed), or use --tunnel ngrok.";

export const cloudflared: TunnelProvider<ProgramResources> = {
  capabilities: {
    stableUrl: false,
    streamsGet: false,
    account: false,
    takesSocket: true,
    maxRequests: 200,
    caveat:
      "The URL changes at each start. Messages that the server sends outside of a call do not reach the client.",
  },
  create({ env, timing, log, timeout = TIMEOUT }) {
    const name = "cloudflared";
    const file = findProgram(name, env, INSTALL);
    const program = { name, file, env, timeout, log, createReader, advise };
    return supervise(
      { name, begin: (target, events) => beginProgram({ ...program, args: listArguments(target) }, events) },
      timing,
    );
  },
};

/**
 * - `--config`: a config file of the person's own would change this tunnel, so it is kept out. A file of ours can name a
 *   Unix socket, which no option can. A quick tunnel needs `--url` all the same, and the file takes precedence over it
 *   (ingress/ingress.go, `ParseIngressFromConfigAndCLI`);
 * - `--protocol http2`: over UDP, a blocked tunnel prints a URL that never answers;
 * - `--loglevel`: the lines that are read here have level info;
 * - `--grace-period`: our own streams have ended before, so there is nothing to wait for.
 */
function listArguments(target: TunnelTarget): string[] {
  const config = target.socket === undefined ? devNull : writeConfig(target.socket);
  const settings = ["--no-autoupdate", "--config", config, "--protocol", "http2", "--loglevel", "info"];
  const url = targetUrl(target);
  return ["tunnel", ...settings, "--metrics", "127.0.0.1:0", "--grace-period", "1s", "--url", url];
}

/** Written beside the socket, and removed with it. JSON is YAML. */
function writeConfig(socket: string): string {
  const file = `${socket}.cloudflared.yml`;
  writeFileSync(file, JSON.stringify({ ingress: [{ service: `unix:${socket}` }] }));
  return file;
}

/** `api.` is the service that assigns tunnels; error texts contain its address. */
const URL_LINE = /https:\/\/(?!api\.)[a-z0-9-]+\.trycloudflare\.com/;
const LOST =
  /Lost connection with the edge|Connection terminated|Serve tunnel error|Retrying connection in up to/;

function createReader(run: ProgramRun): (line: string) => void {
  let url: string | undefined;
  return (line) => {
    url ??= URL_LINE.exec(line)?.[0];
    // cloudflared prints the URL before anything answers there.
    if (url !== undefined && line.includes("Registered tunnel connection")) run.up(url);
    else if (LOST.test(line)) run.interrupted("cloudflared has lost its connection to Cloudflare");
  };
}

function advise(output: string): string {
  if (/429|Too Many Requests/.test(output))
    return "Cloudflare limits how many quick tunnels it opens. Wait a few minutes and try again.";
  return "Check that this machine is online and may connect to TCP port 7844, or use --tunnel ngrok.";
}

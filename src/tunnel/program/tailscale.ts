// Tailscale Funnel by the person's own tailscale: the URL is the node's name in the tailnet, the same at every start.
// `tailscale funnel` in the foreground removes its configuration when it ends. Arguments and lines as in
// cmd/tailscale/cli/serve_v2.go and serve_legacy.go of https://github.com/tailscale/tailscale (2026-08); see also
// https://tailscale.com/kb/1311/tailscale-funnel
import { beginProgram, findProgram, type ProgramResources, type ProgramRun } from "./program-attempt.ts";
import { supervise } from "../supervisor.ts";
import { targetUrl, type TunnelProvider } from "../tunnel.ts";

const TIMEOUT = 30_000;
/** How long a person gets to allow Funnel in the admin console: milliseconds. */
const CONSENT_TIMEOUT = 5 * 60_000;
const INSTALL = "Install it from https://tailscale.com/download and run tailscale up, or use --tunnel ngrok.";

export const tailscale: TunnelProvider<ProgramResources> = {
  // tailscaled forwards to a Unix socket for root only, and then sends its own name as the Host.
  capabilities: { stableUrl: true, streamsGet: true, account: true, takesSocket: false },
  create({ env, timing, log, timeout = TIMEOUT }) {
    const name = "tailscale";
    const file = findProgram(name, env, INSTALL);
    const program = { name, file, env, timeout, log, createReader, advise };
    return supervise(
      {
        name,
        // `--yes`: its stdin is not a person's.
        begin: (target, events) =>
          beginProgram({ ...program, args: ["funnel", "--yes", targetUrl(target)] }, events),
      },
      timing,
    );
  },
};

function createReader(run: ProgramRun): (line: string) => void {
  let isAvailable = false;
  return (line) => {
    const [url] = /https:\/\/[^\s]+/.exec(line) ?? [];
    if (line.includes("Available on the internet:")) isAvailable = true;
    if (url === undefined) return;
    if (isAvailable) run.up(new URL(url).origin);
    else run.askPerson(`Tailscale needs your permission to use Funnel. Open ${url}`, CONSENT_TIMEOUT);
  };
}

function advise(output: string): string {
  if (/already (in use|exists)/.test(output))
    return "Funnel already serves something else: run tailscale funnel status to see it, tailscale funnel reset to remove it.";
  if (/denied|sudo/.test(output))
    return "Give yourself the right to do this, once: sudo tailscale set --operator=$USER";
  if (/Logged out|stopped|NeedsLogin|not yet approved/.test(output))
    return "Log in and connect first: tailscale up";
  return "Run tailscale status, and see https://tailscale.com/kb/1223/funnel for what Funnel needs.";
}

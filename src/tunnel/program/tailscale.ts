// Tailscale Funnel by the person's own tailscale: the node's name in the tailnet, the same at every start.
// `tailscale funnel` in the foreground takes its configuration away when it ends. Arguments and lines as in
// cmd/tailscale/cli/serve_v2.go and serve_legacy.go of https://github.com/tailscale/tailscale (2026-08); see also
// https://tailscale.com/kb/1311/tailscale-funnel
import type { Log } from "../../log.ts";
import { beginProgram, findProgram, type ProgramRun } from "./program-attempt.ts";
import { supervise, type SupervisorEnv } from "../supervisor.ts";
import { type OpenTunnel, targetUrl } from "../tunnel.ts";

export interface TailscaleOptions {
  env: Readonly<Record<string, string | undefined>>;
  around: SupervisorEnv;
  log: Log;
  /** How long it may take until Funnel is on: milliseconds. */
  timeout?: number;
}

const TIMEOUT = 30_000;
/** How long a person gets to allow Funnel in the admin console: milliseconds. */
const CONSENT_TIMEOUT = 5 * 60_000;
const INSTALL = "Install it from https://tailscale.com/download and run tailscale up, or use --tunnel ngrok.";

/** @throws {UserError} with exit code 2 when there is no tailscale */
export function createTailscale({ env, around, log, timeout = TIMEOUT }: TailscaleOptions): OpenTunnel {
  const file = findProgram("tailscale", env, INSTALL);
  return supervise(
    {
      kind: "tailscale",
      capabilities: { stableUrl: true, streamsGet: true, account: true },
      begin: (target, events) =>
        beginProgram(
          {
            name: "tailscale",
            file,
            args: listArguments(targetUrl(target)),
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

/** `--yes`: there is nobody at its stdin to answer. */
export function listArguments(url: string): string[] {
  return ["funnel", "--yes", url];
}

function createReader(run: ProgramRun): (line: string) => void {
  let isAvailable = false;
  return (line) => {
    const [url] = /https:\/\/[^\s]+/.exec(line) ?? [];
    if (line.includes("Available on the internet:")) isAvailable = true;
    if (url === undefined) return;
    if (isAvailable) run.up(new URL(url).origin);
    else run.waitForPerson(`Tailscale wants Funnel to be allowed first. Open ${url}`, CONSENT_TIMEOUT);
  };
}

function advise(words: string): string {
  if (/already (in use|exists)/.test(words))
    return "Something else is served there: see tailscale funnel status, and tailscale funnel reset.";
  if (/denied|sudo/.test(words))
    return "Allow yourself to do this, once: sudo tailscale set --operator=$USER";
  if (/Logged out|stopped|NeedsLogin|not yet approved/.test(words))
    return "Log in and connect first: tailscale up";
  return "See tailscale status, and https://tailscale.com/kb/1223/funnel for what Funnel needs.";
}

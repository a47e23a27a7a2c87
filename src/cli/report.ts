// The output while the program runs: lines of `--json` for scripts, or the banner and a line per request for people.
// The banner is not written by the log: it shows, once, the token that the log hides.
import type { AppEvent, GrantEvent, Ready, TunnelEvent } from "../app/app.ts";
import type { Config } from "../config/config.ts";
import type { Log } from "../log.ts";
import { printable, toJsonLine } from "../printable.ts";
import { renderBanner, renderCredential } from "./banner.ts";
import type { CliIO } from "./io.ts";
import { KEYS_HINT } from "./keys.ts";
import { isTokenOwner, renderRequest } from "./request-line.ts";
import { describeStale, describeTools } from "./tool-lines.ts";
import { createStyle, wantsColor } from "./style.ts";

/** @param hasKeys whether somebody can press keys at the moment */
export function createReport(
  config: Config,
  log: Log,
  io: CliIO,
  hasKeys: () => boolean,
): (event: AppEvent) => void {
  const report = createTextReport(config, log, io, hasKeys);
  if (!config.json) return report;
  // Scripts read the first line for the URL or the failure, so earlier events are printed after it.
  let early: AppEvent[] | undefined = [];
  return (event) => {
    report(event);
    const { event: name } = event;
    if (early !== undefined && name !== "ready" && name !== "failed") return void early.push(event);
    for (const each of [event, ...(early ?? [])]) io.stdout.write(`${toJsonLine(each)}\n`);
    early = undefined;
  };
}

function createTextReport(
  config: Config,
  log: Log,
  { stdout, stderr, env }: CliIO,
  hasKeys: () => boolean,
): (event: AppEvent) => void {
  const style = createStyle(wantsColor(stderr, env));
  const announce = (ready: Ready) => {
    // A new token is always shown: no one could sign in without it.
    if (config.quiet && config.token === undefined && !config.json)
      stderr.write(renderCredential(ready, style));
    if (!config.quiet) stderr.write(renderBanner(ready, style, stderr.columns));
    if (!config.quiet && hasKeys()) stderr.write(`${style.dim(KEYS_HINT)}\n\n`);
    // If both are the same terminal, the banner has shown the URL already.
    if (!config.json && (config.quiet || !stdout.isTTY || !stderr.isTTY)) stdout.write(`${ready.url}\n`);
  };
  let isReady = false;
  /** How the server ended before it was ready: the error of a start that fails says so too. */
  let unreported: string | undefined;
  const reportEnd = (reason: string) => {
    if (isReady) log.warn(`The server ${printable(reason)}.`);
    else unreported = reason;
  };
  const reportEarlyEnd = (event: AppEvent) => {
    if (unreported === undefined || (event.event === "child" && event.isOurs)) return;
    if (event.event !== "failed" || !event.reason.includes(unreported))
      log.warn(`The server ${printable(unreported)}.`);
    unreported = undefined;
  };
  return (event) => {
    reportEarlyEnd(event);
    switch (event.event) {
      case "ready":
        isReady = true;
        return announce(event);
      case "request":
        return log.styled(renderRequest(event, style));
      case "tunnel":
        return printTunnel(event, log);
      case "child":
        if (event.state === "exited" && !event.isOurs) return reportEnd(event.reason ?? "has ended");
        return printChild(event, log);
      case "grant":
        return printGrant(event, log);
      case "tools":
        return describeTools(event).forEach(log.plain);
      case "stale":
        return log.warn(describeStale(event));
      case "failed":
        // cli.ts prints it for people, with the advice.
        return;
      case "stopped":
        return log.info("Stopped.");
    }
  };
}

/** A change of a server process that is as it should be. */
function printChild({ state, pid, reason, inMs }: AppEvent & { event: "child" }, log: Log): void {
  switch (state) {
    case "exited":
      return log.debug(`Server process ${pid} is no longer used.`);
    case "restarting":
      if (reason !== undefined) return log.info(`Restarting the server: ${printable(reason)}.`);
      return log.info(inMs ? `Restarting it in ${inMs / 1000} s.` : "Restarting it.");
    case "started":
      return log.debug(`Server process ${pid} has started.`);
    case "ready":
      return log.debug(`Server process ${pid} has answered.`);
  }
}

function printTunnel(event: TunnelEvent, log: Log): void {
  switch (event.state) {
    case "up": {
      const { url, roundTripMs, downMs, changed } = event;
      const state = downMs === undefined ? "up" : `back after ${Math.round(downMs / 1000)} s`;
      log.success(
        `The tunnel is ${state}: ${url}${roundTripMs === undefined ? "" : ` (round trip ${roundTripMs} ms)`}`,
      );
      if (changed) log.warn(MOVED);
      return;
    }
    case "down": {
      const next =
        event.nextTryMs === undefined ? "" : ` Next try in ${(event.nextTryMs / 1000).toFixed(1)} s.`;
      return log.warn(
        `The tunnel has been down since ${new Date(event.since).toLocaleTimeString()}: ${event.reason}${next}`,
      );
    }
    case "failed":
      log.error(`The tunnel could not be reopened: ${event.reason}`);
      if (event.advice !== undefined) log.error(event.advice);
  }
}

const MOVED =
  "THE PUBLIC URL HAS CHANGED. Remove the connector in your assistants and add it again with the new URL below. " +
  "Sign-ins for the old URL are no longer valid.";

const LONGEST_NAME = 60;

const WHY_REVOKED: Record<string, string> = {
  owner: ": you revoked it",
  client: ": it signed out",
  replay: ": one of its tokens was used twice",
  unconfigured: ": the user who approved it is no longer configured",
};

/** Changes of access, for the person who runs the server. */
function printGrant({ state, clientName, clientId, ...more }: GrantEvent, log: Log): void {
  const client = printable(clientName ?? "", LONGEST_NAME) || printable(clientId ?? "") || "a client";
  const [subject, source, reason] = [more.subject, more.source, more.reason].map(
    (text) => text && printable(text),
  );
  switch (state) {
    case "approved":
      return log.success(`"${client}" was approved by ${isTokenOwner(subject) ? "the owner" : subject}.`);
    case "denied":
      return log.info(`"${client}" was denied.`);
    case "login-failed":
      return log.warn(`A sign-in${source ? ` from ${source}` : ""} to approve "${client}" failed.`);
    case "revoked":
      return log.warn(`"${client}" has lost its access${WHY_REVOKED[reason ?? ""] ?? ""}.`);
    case "issued":
      return log.debug(`"${client}" received an access token.`);
    case "refreshed":
      return log.debug(`"${client}" renewed its access token.`);
  }
}

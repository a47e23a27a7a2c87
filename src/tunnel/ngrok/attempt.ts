// One try to open an ngrok tunnel, and the life of that tunnel: one agent process from its start to its end.
// The addon's own reconnecting is not used: it does not report a refusal, and makes its fourth try after two minutes.
import { settlesWithin } from "../../deadline.ts";
import { UserError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { printable } from "../../printable.ts";
import type { AgentReport } from "./agent.ts";
import { type RequestedEndpoint, classifyEnd, classifyFailure } from "./errors.ts";
import { type AgentProcess, type AgentCommand, startAgent } from "./agent-process.ts";
import type { SessionSettings } from "./session.ts";
import type { Attempt, AttemptFailure } from "../supervisor.ts";
import type { TunnelConnection } from "../tunnel.ts";

export interface AttemptOptions {
  agent: AgentCommand;
  settings: SessionSettings;
  requested: RequestedEndpoint;
  /** Removes the secrets from a text of the addon's. */
  redact(text: string): string;
  log: Log;
}

/** How long the agent may take to close the endpoint, and then to end: milliseconds. */
const CLOSE_TIMEOUT = 4_500;
const END_TIMEOUT = 1_000;
/** How late a report may be before the agent counts as hung: milliseconds. */
const GRACE = 4_000;
/** Characters of a text of the addon's, which may contain one of ngrok's. */
const LONGEST_TEXT = 2_000;

export function beginAttempt({ agent: command, settings, requested, redact, log }: AttemptOptions): Attempt {
  const opened = Promise.withResolvers<TunnelConnection | AttemptFailure>();
  const ended = Promise.withResolvers<AttemptFailure>();
  const closed = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<void>();
  const { timeout, heartbeat } = settings;
  let isOpen = false;

  const clean = (text: string) => redact(printable(text, LONGEST_TEXT));
  const end = (failure: AttemptFailure) => {
    opened.resolve(failure);
    ended.resolve(failure);
  };
  const lose = (reason: string) =>
    end({ error: new UserError(`${reason}.`, "Try again.", 1), outlook: "transient" });
  const silence = createSilenceAlarm(() => lose("The ngrok agent does not respond"));

  const handle = (report: AgentReport) => {
    isOpen ||= report.report === "opened";
    silence.expectReport(
      isOpen ? (heartbeat.interval + heartbeat.tolerance) * 1_000 + GRACE : timeout + GRACE,
    );
    switch (report.report) {
      case "opened":
        return opened.resolve(describeUp(report));
      case "refused": {
        const failure = { ...report, text: clean(report.text) };
        log.debug(`ngrok: ${failure.step} failed: ${failure.text}`);
        return void classifyFailure(failure, requested).then(end);
      }
      case "heartbeat":
        return report.latency === null ? lose("ngrok no longer answers") : undefined;
      case "disconnected":
        return isOpen ? lose("The connection to ngrok broke") : undefined;
      case "ended":
        return end(classifyEnd(clean(report.text), requested.domain));
      case "stopped":
        return end(classifyEnd("it was stopped from the dashboard", requested.domain));
      case "closed":
        return closed.resolve();
    }
  };

  const agent = startAgent(command, {
    report: handle,
    otherOutput: (line) => log.debug(`ngrok: ${clean(line)}`),
    exited(how) {
      silence.stop();
      lose(`The ngrok agent ${clean(how)}`);
      exited.resolve();
    },
  });
  agent.send({ request: "open", settings });
  silence.expectReport(2 * timeout + GRACE);

  return {
    opened: opened.promise,
    ended: ended.promise,
    async close() {
      silence.stop();
      if (isOpen) await closeInOrder(agent, closed.promise, exited.promise);
      agent.kill();
    },
    kill() {
      silence.stop();
      agent.kill();
    },
  };
}

async function closeInOrder(
  agent: AgentProcess,
  closed: Promise<void>,
  exited: Promise<void>,
): Promise<void> {
  agent.send({ request: "close" });
  await settlesWithin(Promise.race([closed, exited]), CLOSE_TIMEOUT);
  agent.release();
  await settlesWithin(exited, END_TIMEOUT);
}

function describeUp({ url, roundTrip }: AgentReport & { report: "opened" }): TunnelConnection {
  return { url: url.replace(/\/$/, ""), ...(roundTrip !== undefined && { roundTrip }) };
}

function createSilenceAlarm(ring: () => void) {
  let timer: Timer | undefined;
  let isOff = false;
  return {
    expectReport(ms: number) {
      clearTimeout(timer);
      if (!isOff) timer = setTimeout(ring, ms);
    },
    stop() {
      isOff = true;
      clearTimeout(timer);
    },
  };
}

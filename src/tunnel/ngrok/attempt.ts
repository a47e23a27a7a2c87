// One try to open an ngrok tunnel, and the life of that tunnel: one agent process from its start to its end.
// The addon's own reconnecting is not used: it tells nobody when it is refused, and its fourth try comes after two minutes.
import { settlesWithin } from "../../deadline.ts";
import { UserError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { printable } from "../../printable.ts";
import type { AgentReport } from "./agent.ts";
import { type Asked, judgeEnd, judgeFailure } from "./errors.ts";
import { type Agent, type AgentCommand, startAgent } from "./agent-process.ts";
import type { SessionSettings } from "./session.ts";
import type { Attempt, Setback } from "../supervisor.ts";
import type { Up } from "../tunnel.ts";

export interface AttemptOptions {
  agent: AgentCommand;
  settings: SessionSettings;
  asked: Asked;
  /** Takes the secrets out of a text of the addon's. */
  hide(text: string): string;
  log: Log;
}

/** How long the agent may take to close the endpoint, and then to end: milliseconds. */
const CLOSE_TIMEOUT = 4_500;
const END_TIMEOUT = 1_000;
/** How much later than it should an agent may say something before it counts as hung: milliseconds. */
const GRACE = 4_000;
/** Of a text of the addon's, which passes on ngrok's own. */
const LONGEST = 2_000;

export function beginAttempt({ agent: command, settings, asked, hide, log }: AttemptOptions): Attempt {
  const opened = Promise.withResolvers<Up | Setback>();
  const ended = Promise.withResolvers<Setback>();
  const closed = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const { timeout, heartbeat } = settings;
  let isOpen = false;

  const say = (text: string) => hide(printable(text, LONGEST));
  const end = (setback: Setback) => {
    opened.resolve(setback);
    ended.resolve(setback);
  };
  const lose = (what: string) =>
    end({ error: new UserError(`${what}.`, "Try again.", 1), outlook: "passing" });
  const silence = createSilenceAlarm(() => lose("The ngrok agent hangs"));

  const hear = (report: AgentReport) => {
    isOpen ||= report.report === "opened";
    silence.expectWord(isOpen ? (heartbeat.interval + heartbeat.tolerance) * 1_000 + GRACE : timeout + GRACE);
    switch (report.report) {
      case "opened":
        return opened.resolve(describeUp(report));
      case "refused": {
        const failure = { ...report, text: say(report.text) };
        log.debug(`ngrok: ${failure.step} failed: ${failure.text}`);
        return void judgeFailure(failure, asked).then(end);
      }
      case "heartbeat":
        return report.latency === null ? lose("ngrok no longer answers") : undefined;
      case "disconnected":
        return isOpen ? lose("The connection to ngrok broke") : undefined;
      case "ended":
        return end(judgeEnd(say(report.text), asked.domain));
      case "stopped":
        return end(judgeEnd("it was stopped from the dashboard", asked.domain));
      case "closed":
        return closed.resolve();
    }
  };

  const agent = startAgent(command, {
    report: hear,
    stray: (line) => log.debug(`ngrok: ${say(line)}`),
    gone(how) {
      silence.stop();
      lose(`The ngrok agent ${say(how)}`);
      gone.resolve();
    },
  });
  agent.tell({ order: "open", settings });
  silence.expectWord(2 * timeout + GRACE);

  return {
    opened: opened.promise,
    ended: ended.promise,
    async close() {
      silence.stop();
      if (isOpen) await closeInOrder(agent, closed.promise, gone.promise);
      agent.kill();
    },
    kill() {
      silence.stop();
      agent.kill();
    },
  };
}

async function closeInOrder(agent: Agent, closed: Promise<void>, gone: Promise<void>): Promise<void> {
  agent.tell({ order: "close" });
  await settlesWithin(Promise.race([closed, gone]), CLOSE_TIMEOUT);
  agent.release();
  await settlesWithin(gone, END_TIMEOUT);
}

function describeUp({ url, roundTrip }: AgentReport & { report: "opened" }): Up {
  return { url: url.replace(/\/$/, ""), ...(roundTrip !== undefined && { roundTrip }) };
}

function createSilenceAlarm(ring: () => void) {
  let timer: Timer | undefined;
  let isOff = false;
  return {
    expectWord(ms: number) {
      clearTimeout(timer);
      if (!isOff) timer = setTimeout(ring, ms);
    },
    stop() {
      isOff = true;
      clearTimeout(timer);
    },
  };
}

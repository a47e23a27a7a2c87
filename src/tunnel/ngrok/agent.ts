// The other end of agent-process.ts: runs the addon in a process that can be killed, and exchanges JSON lines with its parent.
// The end of stdin ends it, also while the addon is busy; signals do not, since a terminal sends them to every process of a
// group. The authtoken comes on stdin, since other users of the machine can read arguments.
import type { Readable } from "node:stream";
import { messageOf } from "../../errors.ts";
import { type NgrokEndpoint, openEndpoint, SessionError, type SessionSettings } from "./session.ts";

/** A line to the agent: first `open`, then `close`. */
export type AgentRequest = { request: "open"; settings: SessionSettings } | { request: "close" };

/** A line from the agent. Texts are the addon's, and may contain the authtoken. */
export type AgentReport =
  | { report: "opened"; url: string; roundTrip?: number }
  | { report: "refused"; step: SessionError["step"]; timedOut: boolean; text: string }
  | { report: "heartbeat"; latency: number | null }
  | { report: "disconnected"; text: string }
  | { report: "ended"; text: string }
  | { report: "stopped" }
  | { report: "closed" };

export interface AgentIO {
  stdin: Readable;
  write(text: string): void;
  /** Makes this process outlive a signal that its parent gets too. */
  ignore(signal: NodeJS.Signals): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Resolves when stdin has ended. */
export async function runNgrokAgent({ stdin, write, ignore }: AgentIO): Promise<void> {
  const send = (report: AgentReport) => write(`${JSON.stringify(report)}\n`);
  let endpoint: Promise<NgrokEndpoint | undefined> = Promise.resolve(undefined);
  for (const signal of SIGNALS) ignore(signal);
  for await (const line of splitLines(stdin)) {
    const request = JSON.parse(line) as AgentRequest;
    if (request.request === "open") endpoint = open(request.settings, send);
    else void endpoint.then((opened) => opened?.close()).then(() => send({ report: "closed" }));
  }
}

async function open(
  settings: SessionSettings,
  send: (report: AgentReport) => void,
): Promise<NgrokEndpoint | undefined> {
  let roundTrip: number | undefined;
  try {
    const endpoint = await openEndpoint(settings, {
      heartbeat(latency) {
        roundTrip = latency ?? undefined;
        send({ report: "heartbeat", latency });
      },
      disconnected: (text) => send({ report: "disconnected", text }),
      ended: (text) => send({ report: "ended", text }),
      stopped: () => send({ report: "stopped" }),
    });
    const { url } = endpoint;
    send({ report: "opened", url, ...(roundTrip !== undefined && { roundTrip }) });
    return endpoint;
  } catch (thrown) {
    if (!(thrown instanceof SessionError)) throw thrown;
    const { step, timedOut } = thrown;
    send({ report: "refused", step, timedOut, text: messageOf(thrown) });
    return undefined;
  }
}

async function* splitLines(stream: Readable): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

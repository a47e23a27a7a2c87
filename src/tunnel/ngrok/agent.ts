// The other end of ngrok-process.ts: runs the addon where it can be killed, and speaks JSON lines with its owner.
// stdin ends it, whatever the addon is at; signals do not, because a terminal sends them to every process of a group.
// It is given the authtoken on stdin, since other users of the machine can read arguments.
import type { Readable } from "node:stream";
import { messageOf } from "../../errors.ts";
import { type Endpoint, openEndpoint, SessionError, type SessionSettings } from "./session.ts";

/** A line to the agent: first `open`, then `close`. */
export type AgentOrder = { order: "open"; settings: SessionSettings } | { order: "close" };

/** A line from the agent. Texts are the addon's own, and may contain the authtoken. */
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
  /** Makes this process outlive a signal that is also sent to its owner. */
  ignore(signal: NodeJS.Signals): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Resolves when stdin has ended. */
export async function runNgrokAgent({ stdin, write, ignore }: AgentIO): Promise<void> {
  const tell = (report: AgentReport) => write(`${JSON.stringify(report)}\n`);
  let endpoint: Promise<Endpoint | undefined> = Promise.resolve(undefined);
  for (const signal of SIGNALS) ignore(signal);
  for await (const line of splitLines(stdin)) {
    const order = JSON.parse(line) as AgentOrder;
    if (order.order === "open") endpoint = open(order.settings, tell);
    else void endpoint.then((opened) => opened?.close()).then(() => tell({ report: "closed" }));
  }
}

async function open(
  settings: SessionSettings,
  tell: (report: AgentReport) => void,
): Promise<Endpoint | undefined> {
  let roundTrip: number | undefined;
  try {
    const endpoint = await openEndpoint(settings, {
      heartbeat(latency) {
        roundTrip = latency ?? undefined;
        tell({ report: "heartbeat", latency });
      },
      disconnected: (text) => tell({ report: "disconnected", text }),
      ended: (text) => tell({ report: "ended", text }),
      stopped: () => tell({ report: "stopped" }),
    });
    const { url } = endpoint;
    tell({ report: "opened", url, ...(roundTrip !== undefined && { roundTrip }) });
    return endpoint;
  } catch (thrown) {
    if (!(thrown instanceof SessionError)) throw thrown;
    const { step, timedOut } = thrown;
    tell({ report: "refused", step, timedOut, text: messageOf(thrown) });
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

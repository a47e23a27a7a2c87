// The server process that is started before anybody has connected: a broken server is reported at
// once, and the first client need not wait. It is asked for nothing but a ping, which may precede
// `initialize` (MCP 2025-11-25, lifecycle), so the first client finds it untouched.
import type { Child, ChildEvents, ChildExit, StartChild } from "../child/child.ts";
import { composeRequest } from "../frame/compose.ts";
import { readMessages } from "../frame/message.ts";
import type { BridgeOptions } from "./bridge.ts";

/** What was seen of the server at launch. */
export type LaunchReport =
  | { outcome: "answered" }
  /**
   * It runs, but has said nothing: a package still being downloaded, or a server that ignores pings.
   * `ended` resolves if it ends before a client has got it.
   */
  | { outcome: "silent"; ended: Promise<ChildExit> }
  /** It ended without a word. */
  | { outcome: "exited"; exit: ChildExit };

export interface Spare {
  launch(): Promise<LaunchReport>;
  /** Hands the process over, with all it has said so far; `undefined` when none waits. */
  take(events: ChildEvents): Child | undefined;
  answers(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/** How long a server may take to answer before the launch goes on without it, in milliseconds. */
const PATIENCE = 10_000;

const INITIALIZE = {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "mcp-expose", version: "1" },
};

export function createSpare({ startChild, onServer, onStderr }: BridgeOptions): Spare {
  let waiting: Candidate | undefined;
  let pingable = true;

  const prepare = (): Candidate => {
    const candidate = startCandidate(startChild, onStderr);
    const { pid } = candidate.child;
    waiting = candidate;
    onServer({ state: "started", pid });
    void candidate.ended.then(() => {
      if (waiting === candidate) waiting = undefined;
    });
    return candidate;
  };

  /** Some servers end at anything but `initialize`. One process, thrown away afterwards, tells these from broken ones. */
  const tryInitialize = async (): Promise<LaunchReport> => {
    const probe = startCandidate(startChild, () => {});
    const report = await probe.ask("initialize", INITIALIZE, PATIENCE);
    await probe.child.close();
    if (report.outcome !== "answered") return report;
    pingable = false;
    prepare();
    return report;
  };

  return {
    async launch() {
      const first = prepare();
      const report = await first.ask("ping", undefined, PATIENCE);
      if (report.outcome === "answered") onServer({ state: "ready", pid: first.child.pid });
      if (report.outcome !== "exited") return report;
      const second = await tryInitialize();
      return second.outcome === "answered" ? second : report;
    },
    take(events) {
      const taken = waiting;
      waiting = undefined;
      taken?.handOver(events);
      return taken?.child;
    },
    async answers(ms) {
      const asked = waiting ?? prepare();
      if (!pingable) return true;
      return (await asked.ask("ping", undefined, ms)).outcome === "answered";
    },
    async close() {
      await waiting?.child.close();
    },
  };
}

/** A process that nobody owns yet. */
interface Candidate {
  readonly child: Child;
  /** Resolves if the process ends while nobody owns it. */
  readonly ended: Promise<ChildExit>;
  ask(method: string, params: unknown, ms: number): Promise<LaunchReport>;
  handOver(events: ChildEvents): void;
}

function startCandidate(startChild: StartChild, onStderr: (line: string) => void): Candidate {
  let owner: ChildEvents | undefined;
  let questions = 0;
  const said: Uint8Array[] = [];
  const answered = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<ChildExit>();

  const child = startChild({
    line(line) {
      if (owner !== undefined) owner.line(line);
      else if (isAnswer(line)) answered.resolve();
      else said.push(line);
    },
    oversize: (...excerpt) => owner?.oversize(...excerpt),
    stderr: (line) => (owner?.stderr ?? onStderr)(line),
    exit(exit) {
      if (owner === undefined) ended.resolve(exit);
      else owner.exit(exit);
    },
  });

  return {
    child,
    ended: ended.promise,
    async ask(method, params, ms) {
      // Numbers from zero down: the owner's own begin at one, so that a late answer meets none of them.
      child.send(composeRequest(-questions++, method, params));
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, ms);
      const report = await Promise.race([
        answered.promise.then((): LaunchReport => ({ outcome: "answered" })),
        ended.promise.then((exit): LaunchReport => ({ outcome: "exited", exit })),
        late.promise.then((): LaunchReport => ({ outcome: "silent", ended: ended.promise })),
      ]);
      clearTimeout(timer);
      return report;
    },
    handOver(events) {
      owner = events;
      // The new owner is still being made; it gets what was said when it can take it.
      queueMicrotask(() => said.splice(0).forEach(events.line));
    },
  };
}

/** Any answer will do: a server that refuses the ping is alive too. */
function isAnswer(line: Uint8Array): boolean {
  const reading = readMessages(line);
  return "messages" in reading && reading.messages.some(({ kind }) => kind === "result" || kind === "error");
}

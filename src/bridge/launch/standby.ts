// The server process that is started before anybody has connected: a broken server is reported at
// once, the first client need not wait, and it is found out which revisions the server speaks.
import { describeExit, type Child, type ChildEvents } from "../../child/child.ts";
import type { Message } from "../../frame/message.ts";
import { settlesWithin } from "../../deadline.ts";
import type { BridgeOptions, LaunchReport } from "../bridge.ts";
import { createCandidate, NO_PROCESS, type Candidate } from "./candidate.ts";
import { composeDiscover, composePing } from "../process/own-requests.ts";
import { createHandshakeTrials, HAS_SESSIONS, type HandshakeTrial } from "./handshake-trial.ts";
import { probe, type ProbeResult } from "./probe.ts";
import { quoteError } from "../quote-error.ts";
import type { RestartingProcessOptions } from "../process/restarting-process.ts";

export interface Standby {
  /** Resolves when the server has answered, or has been found not to work. */
  launch(): Promise<LaunchReport>;
  /** Waits for the server's first answer: why nothing can be asked of it, or `undefined` when it has answered. */
  findProblem(): Promise<string | undefined>;
  /** Whether the server serves clients without sessions; known when it has answered. */
  isStateless(): boolean;
  /** Whether it serves clients with sessions, found out with the first one's own `initialize`. */
  tryHandshake(initialize: Message): Promise<HandshakeTrial>;
  /** Hands the process over, with all it has said so far; `undefined` when none waits that fits. */
  take(events: ChildEvents, era: "legacy" | "modern"): Child | undefined;
  isAlive(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/** How long a client waits for a server that has not answered anything yet, in milliseconds. */
const CLIENT_PATIENCE = 30_000;

export interface StandbyOptions extends BridgeOptions {
  /** A line that is no message. */
  onInvalidOutput: RestartingProcessOptions["onInvalidOutput"];
}

export function createStandby(options: StandbyOptions): Standby {
  const { startChild, childEra, onServer, onStderr, onInvalidOutput, now, log } = options;
  let waiting: Candidate | undefined;
  /** Everything started here that belongs to no client and whose end has not been told, and whether any will get it. */
  const living = new Map<Candidate, "standby" | "disposable">();
  /** It is known what the server is, or that it is nothing. */
  const known = Promise.withResolvers<void>();
  /** A client can be served. */
  const usable = Promise.withResolvers<void>();
  let state: "starting" | "answered" | "usable" | "broken" = "starting";
  let isStateless = false;
  /** It may be asked nothing before it is greeted. */
  let isStrict = false;
  let isClosed = false;
  const begun = now();

  function start(role: "standby" | "disposable", isShown = (_line: string) => true): Candidate {
    if (isClosed) return NO_PROCESS;
    const candidate = createCandidate({
      startChild,
      onStderr: (line) => isShown(line) && onStderr(line),
      onInvalidOutput,
    });
    living.set(candidate, role);
    onServer({ state: "started", pid: candidate.pid });
    void candidate.ended.then(async (exit) => {
      if (waiting === candidate) waiting = undefined;
      // Until then nobody knows whether it has ended because of what we asked it.
      await known.promise;
      tellEnd(candidate, describeExit(exit));
    });
    return candidate;
  }

  function tellEnd(candidate: Candidate, reason: string): void {
    const isOurs = living.get(candidate) === "disposable";
    if (living.delete(candidate))
      onServer({ state: "exited", pid: candidate.pid, reason, ...(isOurs && { isOurs }) });
  }

  function prepare(): Candidate {
    waiting = start("standby");
    return waiting;
  }

  async function discard(candidate: Candidate): Promise<void> {
    if (waiting === candidate) waiting = undefined;
    // The end of one that has ended by itself has been told.
    if (living.has(candidate)) living.set(candidate, "disposable");
    await candidate.close();
    tellEnd(candidate, "is no longer used");
  }

  async function launch(): Promise<LaunchReport> {
    const found = await probe(childEra, {
      first: prepare,
      disposable: (isShown) => start("disposable", isShown),
      discard,
    });
    if (found.outcome === "answered") {
      state = "answered";
      void settle(found).then(() => {
        state = "usable";
        usable.resolve();
      });
    } else {
      state = "broken";
      usable.resolve();
    }
    known.resolve();
    return found;
  }

  /** Ends what no client gets, and has a process wait for the first one. */
  async function settle(found: ProbeResult & { outcome: "answered" }): Promise<void> {
    const { standby, answer } = found;
    ({ isStateless, isStrict } = found);
    if (isStrict && childEra === "auto")
      log.info(
        'The server answered "initialize" and not "server/discover": --child-era legacy saves it a start.',
      );
    if (isStrict && answer.kind === "error") log.warn(`The server refuses to begin: ${quoteError(answer)}`);
    const others = [...living.keys()].filter((candidate) => candidate !== standby);
    onServer({ state: "ready", pid: (standby ?? others.at(-1))?.pid ?? 0 });
    const ended = Promise.all(others.map(discard));
    if (standby !== undefined) return;
    // One at a time: some servers hold a port, or a browser's profile.
    await ended;
    if (!isClosed) prepare();
  }

  const offers = createHandshakeTrials(childEra, {
    start: () => start("disposable"),
    borrow() {
      const borrowed = waiting;
      waiting = undefined;
      if (borrowed !== undefined) living.set(borrowed, "disposable");
      return borrowed;
    },
    giveBack(candidate) {
      if (!living.has(candidate)) return;
      if (waiting !== undefined || isClosed) return void discard(candidate);
      living.set(candidate, "standby");
      waiting = candidate;
    },
    handOver: (candidate) => living.delete(candidate),
    discard,
  });

  return {
    launch,
    async findProblem() {
      if (state !== "usable") await settlesWithin(usable.promise, CLIENT_PATIENCE);
      if (state === "usable") return undefined;
      if (state === "broken") return "The MCP server ended before it had answered anything.";
      if (isClosed) return "The MCP server is being stopped.";
      const seconds = Math.round((now() - begun) / 1000);
      return `The MCP server was started ${seconds} s ago and has not answered anything yet. It may still be starting; the terminal of mcp-expose says more.`;
    },
    isStateless: () => isStateless,
    tryHandshake: (initialize) => (isStateless ? offers(initialize) : Promise.resolve(HAS_SESSIONS)),
    take(events, era) {
      // A server asked in one way may have settled for it.
      if (waiting === undefined || (era === "modern") !== isStateless) return undefined;
      const taken = waiting;
      waiting = undefined;
      living.delete(taken);
      return taken.handOver(events);
    },
    async isAlive(ms) {
      if (state === "starting" || state === "broken") return false;
      const asked = waiting ?? (state === "usable" && living.size === 0 ? prepare() : undefined);
      // What is in the middle of a handshake, or may be asked nothing before one, is alive until it ends.
      if (asked === undefined || isStrict) return true;
      const { outcome } = await asked.request(isStateless ? composeDiscover : composePing, ms);
      return outcome === "answered";
    },
    async close() {
      isClosed = true;
      known.resolve();
      usable.resolve();
      await Promise.all(Array.from(living.keys(), (candidate) => candidate.close()));
    },
  };
}

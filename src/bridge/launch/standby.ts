// The server process that is started before anyone has connected: a broken server is reported at once, the first client
// need not wait, and it is found out which revisions the server speaks.
import type { Child, ChildEvents, ChildExit } from "../../child/child.ts";
import { settlesWithin } from "../../deadline.ts";
import type { Message } from "../../frame/message.ts";
import type { Era } from "../adapter.ts";
import type { BridgeOptions, LaunchReport } from "../bridge.ts";
import type { CandidateOptions } from "./candidate.ts";
import { createCandidates, type Candidates } from "./candidates.ts";
import { describeBrokenServer } from "../process/broken-server.ts";
import { composeDiscover, composeInitialize, composePing } from "../process/own-requests.ts";
import { createHandshakeTrials, HAS_SESSIONS, type HandshakeTrial } from "./handshake-trial.ts";
import { probe, type ProbeResult } from "./probe.ts";
import { quoteError } from "../quote-error.ts";

export interface Standby {
  /** Resolves when the server has answered, or has been found not to work. */
  launch(): Promise<LaunchReport>;
  /** Waits for the server's first answer: why it cannot be asked anything, or `undefined` when it has answered. @param isPublic a stranger is told */
  findProblem(isPublic: boolean): Promise<string | undefined>;
  /** Whether the server serves clients without sessions; known when it has answered. */
  isStateless(): boolean;
  /** Whether it serves clients with sessions, found out with the first one's own `initialize`. */
  tryHandshake(initialize: Message): Promise<HandshakeTrial>;
  /** Whether the server, which had sessions when it was launched, refuses a handshake of ours now. */
  refusesHandshake(): Promise<boolean>;
  /** Hands the process over, with all it has sent so far; `undefined` when none waits that fits. */
  take(events: ChildEvents, era: Era): Child | undefined;
  isAlive(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/** How long a client waits for a server that has not answered anything yet, in milliseconds. */
const CLIENT_PATIENCE = 30_000;
/** How long a server that has answered before may take to answer a handshake, in milliseconds. */
const HANDSHAKE_PATIENCE = 10_000;

export type StandbyOptions = Pick<
  BridgeOptions,
  "startChild" | "childEra" | "onServer" | "onStderr" | "now" | "log"
> &
  Pick<CandidateOptions, "onInvalidOutput">;

/** What is known of the server. */
interface Launch {
  state: "starting" | "answered" | "usable" | "broken";
  isStateless: boolean;
  /** It may be asked nothing before `initialize`. */
  isStrict: boolean;
  isClosed: boolean;
  /** How the server ended that is broken. */
  exit: ChildExit | undefined;
}

export function createStandby(options: StandbyOptions): Standby {
  const { childEra, now } = options;
  /** It is known what the server is, or that it does not work. */
  const known = Promise.withResolvers<void>();
  /** A client can be served, or never will be. */
  const settled = Promise.withResolvers<void>();
  const launch: Launch = {
    state: "starting",
    isStateless: false,
    isStrict: false,
    isClosed: false,
    exit: undefined,
  };
  const candidates = createCandidates({ ...options, known: known.promise });
  const trials = createHandshakeTrials(childEra, candidates);
  const begun = now();

  return {
    async launch() {
      const found = await probe(childEra, candidates);
      if (found.outcome === "answered") {
        launch.state = "answered";
        void prepare(launch, found, candidates, options).then(() => {
          launch.state = "usable";
          settled.resolve();
        });
      } else {
        launch.state = "broken";
        launch.exit = found.exit;
        settled.resolve();
      }
      known.resolve();
      return found;
    },
    async findProblem(isPublic) {
      if (launch.state !== "usable") await settlesWithin(settled.promise, CLIENT_PATIENCE);
      if (launch.exit !== undefined) return describeBrokenServer(launch.exit, NEXT_RESTART, isPublic);
      return describeProblem(launch, now() - begun);
    },
    isStateless: () => launch.isStateless,
    tryHandshake: (initialize) => (launch.isStateless ? trials(initialize) : Promise.resolve(HAS_SESSIONS)),
    async refusesHandshake() {
      if (launch.isStateless || launch.isClosed) return false;
      const candidate = candidates.startDisposable();
      const reply = await candidate.request(composeInitialize, HANDSHAKE_PATIENCE);
      await candidates.discard(candidate);
      return reply.outcome === "answered" && reply.answer.kind === "error";
    },
    take(events, era) {
      const { waiting } = candidates;
      // A server that was asked in one way may have settled for it.
      if (waiting === undefined || (era === "modern") !== launch.isStateless) return undefined;
      candidates.handOver(waiting);
      return waiting.handOver(events);
    },
    isAlive: (ms) => isAlive(launch, candidates, ms),
    async close() {
      launch.isClosed = true;
      known.resolve();
      settled.resolve();
      await candidates.close();
    },
  };
}

/** Ends what no client gets, and has a process wait for the first one. */
async function prepare(
  launch: Launch,
  found: ProbeResult & { outcome: "answered" },
  candidates: Candidates,
  { childEra, onServer, log }: StandbyOptions,
): Promise<void> {
  const { standby, answer, isStateless, isStrict } = found;
  Object.assign(launch, { isStateless, isStrict });
  if (isStrict && childEra === "auto")
    log.info(
      'The server answered "initialize" and not "server/discover": --child-era legacy saves it a start.',
    );
  if (isStrict && answer.kind === "error") log.warn(`The server refuses to begin: ${quoteError(answer)}`);
  const others = candidates.all().filter((candidate) => candidate !== standby);
  onServer({ state: "ready", pid: (standby ?? others.at(-1))?.pid ?? 0 });
  const ended = Promise.all(others.map(candidates.discard));
  if (standby !== undefined) return;
  // One at a time: some servers hold a port, or a browser's profile.
  await ended;
  if (!launch.isClosed) candidates.startWaiting();
}

const NEXT_RESTART = "It is tried again when it is restarted or, with --watch, when its files change.";

function describeProblem({ state, isClosed }: Launch, waited: number): string | undefined {
  if (state === "usable") return undefined;
  if (isClosed) return "The MCP server is being stopped.";
  const seconds = Math.round(waited / 1000);
  return `The MCP server was started ${seconds} s ago and has not answered anything yet. It may still be starting; the terminal of mcp-expose says more.`;
}

async function isAlive(
  { state, isStateless, isStrict }: Launch,
  candidates: Candidates,
  ms: number,
): Promise<boolean> {
  if (state === "starting" || state === "broken") return false;
  const isEmpty = state === "usable" && candidates.all().length === 0;
  const asked = candidates.waiting ?? (isEmpty ? candidates.startWaiting() : undefined);
  // A process in the middle of a handshake, or that may be asked nothing before one, is alive until it ends.
  if (asked === undefined || isStrict) return true;
  const { outcome } = await asked.request(isStateless ? composeDiscover : composePing, ms);
  return outcome === "answered";
}

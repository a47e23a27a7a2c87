// The server processes that belong to no client yet: one waits for the first client, others are sent a request and thrown
// away. Their starts and ends are reported from here.
import { describeExit } from "../../child/child.ts";
import { createCandidate, NO_PROCESS, type Candidate, type CandidateOptions } from "./candidate.ts";
import type { BridgeOptions } from "../bridge.ts";

export interface Candidates {
  /** The process that waits for a client. */
  readonly waiting: Candidate | undefined;
  /** All that belong to no client and whose end has not been reported. */
  all(): Candidate[];
  /** Starts the one that waits for a client. */
  startWaiting(): Candidate;
  /** Starts one that no client gets. @param isShown whether a line that it writes to stderr is shown */
  startDisposable(isShown?: (line: string) => boolean): Candidate;
  /** Takes the process that waits, if there is one, for a trial. */
  borrow(): Candidate | undefined;
  /** After a trial it is as good as before for a client without a session. */
  giveBack(candidate: Candidate): void;
  /** It belongs to a client from now on; false when it has ended, which has been reported. */
  handOver(candidate: Candidate): boolean;
  /** Ends it; resolves when nothing of it is left. Only then the next one may start: some servers hold a port. */
  discard(candidate: Candidate): Promise<void>;
  /** Ends all of them, and starts none any more. */
  close(): Promise<void>;
}

export interface CandidatesOptions extends CandidateOptions, Pick<BridgeOptions, "onServer"> {
  /** Resolves when it is known whether a process has ended because of what it was asked. */
  known: Promise<void>;
}

export function createCandidates(options: CandidatesOptions): Candidates {
  const { onServer, onStderr, known } = options;
  let waiting: Candidate | undefined;
  /** Whether any client will get it. */
  const living = new Map<Candidate, "standby" | "disposable">();
  let isClosed = false;

  function start(role: "standby" | "disposable", isShown = (_line: string) => true): Candidate {
    if (isClosed) return NO_PROCESS;
    const candidate = createCandidate({ ...options, onStderr: (line) => isShown(line) && onStderr(line) });
    living.set(candidate, role);
    onServer({ state: "started", pid: candidate.pid });
    void candidate.ended.then(async (exit) => {
      if (waiting === candidate) waiting = undefined;
      await known;
      reportEnd(candidate, describeExit(exit));
    });
    return candidate;
  }

  function reportEnd(candidate: Candidate, reason: string): void {
    const isOurs = living.get(candidate) === "disposable";
    if (living.delete(candidate))
      onServer({ state: "exited", pid: candidate.pid, reason, ...(isOurs && { isOurs }) });
  }

  async function discard(candidate: Candidate): Promise<void> {
    if (waiting === candidate) waiting = undefined;
    // The end of one that has ended by itself has been reported.
    if (living.has(candidate)) living.set(candidate, "disposable");
    await candidate.close();
    reportEnd(candidate, "is no longer used");
  }

  return {
    get waiting() {
      return waiting;
    },
    all: () => [...living.keys()],
    startWaiting: () => (waiting = start("standby")),
    startDisposable: (isShown) => start("disposable", isShown),
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
    handOver(candidate) {
      if (waiting === candidate) waiting = undefined;
      return living.delete(candidate);
    },
    discard,
    async close() {
      isClosed = true;
      await Promise.all(Array.from(living.keys(), discard));
    },
  };
}

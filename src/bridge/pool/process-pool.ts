// The server processes in use, by assignment: claims them for clients, makes room for new ones, and ends those that no client
// has used for a while.
import type { Log } from "../../log.ts";
import type { SessionAdapter, StatelessAdapter } from "../adapter.ts";
import { decideRoom, isFree, type Occupant } from "./eviction.ts";
import type { ProcessAssignment } from "./assignment.ts";

export interface PooledProcess<A extends PooledAdapter = PooledAdapter> extends Occupant {
  readonly assignment: ProcessAssignment;
  readonly adapter: A;
  /** When a client last sent something. */
  lastUsed: number;
  sessions: number;
  claims: number;
}

export type PooledAdapter = SessionAdapter | StatelessAdapter;

/** What a process reports to the pool. */
export interface PoolReports {
  /** A client has sent something. */
  used(): void;
  /** The process is of no more use: it is closed. */
  gone(): void;
}

export interface ProcessPool {
  /**
   * The process of an assignment, started if there is none; `undefined` when there is no room for one. It is claimed: it does not
   * end for another one's sake until the claim is given back.
   */
  claim<A extends PooledAdapter>(
    assignment: ProcessAssignment,
    start: (reports: PoolReports) => A,
  ): Promise<PooledProcess<A> | undefined>;
  /** The process of an assignment, claimed, if there is one already. */
  claimKnown<A extends PooledAdapter>(assignment: ProcessAssignment): PooledProcess<A> | undefined;
  /** Ends a process; nothing happens when it has left the pool. */
  end(process: PooledProcess): void;
  /** Those in use, least recently used first. */
  all(): readonly PooledProcess[];
  close(): Promise<void>;
}

export interface ProcessPoolOptions {
  /** The most processes at a time. */
  maxChildren: number;
  now(): number;
  log: Log;
}

/** Milliseconds after which an unused process ends. */
const IDLE = 15 * 60_000;
const REAP_EVERY = 30_000;

export function createProcessPool({ maxChildren, now, log }: ProcessPoolOptions): ProcessPool {
  // Least recently used first.
  const processes = new Map<string, PooledProcess>();
  /** Processes that have been asked to end and may have something to save. */
  const ending = new Set<Promise<void>>();
  let isClosed = false;
  const reaper = setInterval(reap, REAP_EVERY).unref();

  function claimKnown<A extends PooledAdapter>({ key }: ProcessAssignment): PooledProcess<A> | undefined {
    const known = processes.get(key) as PooledProcess<A> | undefined;
    if (known !== undefined) known.claims++;
    return known;
  }

  function end({ assignment, adapter }: PooledProcess): Promise<void> {
    processes.delete(assignment.key);
    const ended = adapter.close().finally(() => ending.delete(ended));
    ending.add(ended);
    return ended;
  }

  function reap(): void {
    for (const process of processes.values())
      if (isFree(process) && now() - process.lastUsed > IDLE) void end(process);
  }

  /** Returns the decision, or a promise of more room; a start must follow in the same turn, before another caller asks. */
  function makeRoom(callerKey: string): "start" | "refuse" | Promise<void> {
    const occupants = [...processes.values()];
    const decision = decideRoom({ occupants, ending: ending.size, max: maxChildren, callerKey });
    if (decision.action === "wait") return [...ending][0]!;
    if (decision.action !== "end") return decision.action;
    log.info(
      `Ended the least recently used server process: ${maxChildren} at a time are allowed (--max-children).`,
    );
    return end(decision.occupant);
  }

  function add<A extends PooledAdapter>(assignment: ProcessAssignment, start: (reports: PoolReports) => A) {
    const isPooled = () => processes.get(assignment.key) === process;
    const adapter = start({
      used() {
        if (!isPooled()) return;
        process.lastUsed = now();
        processes.delete(assignment.key);
        processes.set(assignment.key, process);
      },
      gone: () => void (isPooled() && end(process)),
    });
    const process = createPooledProcess(assignment, adapter, now());
    processes.set(assignment.key, process);
    return process;
  }

  return {
    async claim<A extends PooledAdapter>(assignment: ProcessAssignment, start: (reports: PoolReports) => A) {
      for (;;) {
        // During a wait the program may have begun to end, and another client may have started the process.
        if (isClosed) return undefined;
        const known = claimKnown<A>(assignment);
        if (known !== undefined) return known;
        const room = makeRoom(assignment.caller.key);
        if (room === "refuse") return undefined;
        if (room === "start") return add(assignment, start);
        await room;
      }
    },
    claimKnown,
    end(process) {
      if (processes.get(process.assignment.key) === process) void end(process);
    },
    all: () => [...processes.values()],
    async close() {
      isClosed = true;
      clearInterval(reaper);
      for (const process of processes.values()) void end(process);
      await Promise.all(ending);
    },
  };
}

/** A process that has just been claimed. */
function createPooledProcess<A extends PooledAdapter>(
  assignment: ProcessAssignment,
  adapter: A,
  now: number,
): PooledProcess<A> {
  return {
    assignment,
    callerKey: assignment.caller.key,
    adapter,
    get pending() {
      return adapter.pending;
    },
    lastUsed: now,
    claims: 1,
    sessions: 0,
  };
}

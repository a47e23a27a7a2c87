// Finds the process that a client is served by, and starts it in the revision that the server speaks.
import type { Child, ChildEvents } from "../../child/child.ts";
import type { AdapterOptions, Era, SessionAdapter, StatelessAdapter } from "../adapter.ts";
import type { AnonymousLimits } from "./anonymous-limits.ts";
import type { BridgeCaller, BridgeOptions } from "../bridge.ts";
import type { Envelope } from "../envelope.ts";
import type { Message } from "../../frame/message.ts";
import type { HandshakeTrial } from "../launch/handshake-trial.ts";
import type { Standby } from "../launch/standby.ts";
import { PAIRS } from "../pairs.ts";
import { createBackpressure } from "../process/backpressure.ts";
import type { RestartingProcessOptions } from "../process/restarting-process.ts";
import {
  mayTakeStandby,
  occasionOf,
  assignRequest,
  assignSession,
  type ProcessAssignment,
} from "./assignment.ts";
import type { PooledAdapter, PooledProcess, ProcessPool } from "./process-pool.ts";
import { createRequestStates } from "../request-state.ts";
import { createSharedServer, writeOwnInitialize } from "../shared/shared-server.ts";

export interface ProcessFinder {
  /** A claimed process for a new session; `undefined` when every process allowed is busy. */
  findForSession(
    caller: BridgeCaller,
    initialize: Message,
  ): Promise<PooledProcess<SessionAdapter> | undefined>;
  /** A claimed process for a request that stands alone; `undefined` when every process allowed is busy. */
  findForRequest(
    caller: BridgeCaller,
    envelope: Envelope,
  ): Promise<PooledProcess<StatelessAdapter> | undefined>;
}

export interface ProcessFinderOptions {
  bridge: BridgeOptions;
  standby: Standby;
  processes: ProcessPool;
  anonymous: AnonymousLimits;
  onInvalidOutput: RestartingProcessOptions["onInvalidOutput"];
  /** A process has refused a handshake. */
  refused(): void;
}

export function createProcessFinder(options: ProcessFinderOptions): ProcessFinder {
  const { bridge, standby, processes, anonymous, onInvalidOutput, refused } = options;
  const { now, random, log, onServer, onStderr } = bridge;
  const forAll = {
    now,
    random,
    log,
    onServer,
    onStderr,
    onInvalidOutput,
    backpressure: createBackpressure(),
  };
  const requestStates = createRequestStates(bridge.requestStateKey);
  let sessions = 0;

  function claim<A extends PooledAdapter>(
    assignment: ProcessAssignment,
    era: Era,
    create: (options: AdapterOptions) => A,
    trial?: HandshakeTrial,
  ) {
    return processes.claim(assignment, ({ used, gone }) =>
      create({
        ...forAll,
        acquireChild: (events) => takeWaiting(events) ?? startFor(assignment, bridge, events),
        used,
        gone() {
          if (assignment.sharing === "anonymous") anonymous.refused();
          gone();
          refused();
        },
      }),
    );

    /** The process that accepted the handshake in a trial, or the one that waits for a client. */
    function takeWaiting(events: ChildEvents): Child | undefined {
      return mayTakeStandby(assignment) ? (trial?.take(events) ?? standby.take(events, era)) : undefined;
    }
  }

  async function claimShared(assignment: ProcessAssignment) {
    const isPublic = assignment.sharing === "anonymous";
    if (isPublic && !anonymous.isOpen()) return undefined;
    // A server of both eras is spoken to as older clients do: it serves both kinds of clients then, and may ask them.
    // Anonymous callers are never asked, and need not wait until that has been tried.
    const trial = isPublic ? undefined : await standby.tryHandshake(writeOwnInitialize());
    const isModern = trial === undefined ? standby.isStateless() : !trial.hasSessions;
    const era = isModern ? "modern" : "legacy";
    const create = (adapter: AdapterOptions) =>
      createSharedServer({ ...adapter, requestStates, era, isPublic });
    const process = await claim(assignment, era, create, trial);
    trial?.release();
    return process;
  }

  return {
    async findForSession(caller, initialize) {
      const assignment = assignSession(caller, initialize, ++sessions, bridge);
      if (isShared(assignment)) return claimShared(assignment);
      const trial = await standby.tryHandshake(initialize);
      const era = trial.hasSessions ? "legacy" : "modern";
      const process = await claim(assignment, era, PAIRS.legacyClient[era], trial);
      trial.release();
      return process;
    },
    async findForRequest(caller, envelope) {
      const assignment = assignRequest(caller, envelope, bridge);
      const known = processes.claimKnown<StatelessAdapter>(assignment);
      if (known !== undefined) return known;
      if (isShared(assignment)) return claimShared(assignment);
      const era = standby.isStateless() ? "modern" : "legacy";
      return claim(assignment, era, (adapter) =>
        PAIRS.modernClient[era]({ ...adapter, requestStates, envelope }),
      );
    },
  };
}

function startFor(
  assignment: ProcessAssignment,
  { startChild, onServer }: BridgeOptions,
  events: ChildEvents,
): Child {
  const child = startChild(events, occasionOf(assignment));
  onServer({ state: "started", pid: child.pid });
  return child;
}

function isShared({ sharing }: ProcessAssignment): boolean {
  return sharing === "everyone" || sharing === "anonymous";
}

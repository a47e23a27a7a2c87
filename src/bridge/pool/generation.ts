// A generation of server processes: all that come of one launch. They speak the revision that the launch has found, and
// end together; whatever is remembered of the server ends with them.
import type { SessionAdapter } from "../adapter.ts";
import { createAnonymousLimits } from "./anonymous-limits.ts";
import type { BridgeCaller, BridgeOptions, Generation } from "../bridge.ts";
import type { ClientSide, Conversation, Opening } from "../bridge.ts";
import { drain } from "./drain.ts";
import { createStandby } from "../launch/standby.ts";
import { createInvalidOutputReport } from "../process/invalid-output.ts";
import { createProcessFinder } from "./process-finder.ts";
import { createProcessPool, type PooledProcess } from "./process-pool.ts";
import { createUnusableServer } from "../unusable-server.ts";

export interface GenerationOptions extends BridgeOptions {
  /** The generation that follows when this one is closed; `undefined` when none does. */
  next(): Promise<Generation | undefined>;
  /** Whether it may be found out now if the server has become another one. */
  mayCheck(): boolean;
  /** The server has become another one, and only a new launch can say which. */
  outdated(): void;
}

const STOPPING = "The MCP server is being stopped.";

export function createGeneration(options: GenerationOptions): Generation {
  const onInvalidOutput = createInvalidOutputReport(options.log);
  const standby = createStandby({ ...options, onInvalidOutput });
  const processes = createProcessPool(options);
  const anonymous = createAnonymousLimits(options.now);
  const finder = createProcessFinder({
    bridge: options,
    standby,
    processes,
    anonymous,
    onInvalidOutput,
    refused: () => void checkRefusal(),
  });
  let isClosed = false;
  const isStranger = ({ key }: BridgeCaller) => options.hasAnonymous && key === "";

  /** A client's handshake may be refused for its own reasons: only a refusal of ours as well says that the server has changed. */
  async function checkRefusal(): Promise<void> {
    if (!isClosed && options.mayCheck() && (await standby.refusesHandshake()) && !isClosed)
      options.outdated();
  }

  function openSessionOn(process: PooledProcess<SessionAdapter>, client: ClientSide): Conversation {
    const { sharing } = process.assignment;
    if (sharing === "anonymous") anonymous.makeRoom();
    process.sessions++;
    // The call it is opened for comes in this turn.
    setImmediate(() => process.claims--);
    const conversation = process.adapter.open({
      sendUnrelated: client.sendUnrelated,
      closed() {
        process.sessions--;
        anonymous.closed(conversation);
        if (sharing === "session") processes.end(process);
        client.closed();
      },
    });
    if (sharing === "anonymous") anonymous.opened(conversation);
    return conversation;
  }

  return {
    launch: standby.launch,
    async openSession(caller, initialize, client) {
      const problem = await standby.findProblem(isStranger(caller));
      if (isClosed) return openNext(await options.next(), caller, initialize, client);
      if (problem !== undefined) return { outcome: "unusable", reason: problem };
      const process = await finder.findForSession(caller, initialize);
      // What was started in the last moment ends with the others.
      if (isClosed) return openNext(await options.next(), caller, initialize, client);
      if (process === undefined) return { outcome: "busy" };
      return { outcome: "open", conversation: openSessionOn(process, client) };
    },
    async findServer(caller, envelope) {
      const problem = await standby.findProblem(isStranger(caller));
      if (isClosed) return findNext(await options.next(), caller, envelope);
      if (problem !== undefined) return createUnusableServer(problem);
      const process = await finder.findForRequest(caller, envelope);
      if (isClosed) return findNext(await options.next(), caller, envelope);
      return process && { ...process.adapter.serve(caller.key), release: () => process.claims-- };
    },
    async isAlive(ms) {
      const newest = processes.all().at(-1);
      return newest === undefined ? standby.isAlive(ms) : newest.adapter.isAlive(ms);
    },
    drain: (reason) => drain(processes.all, reason, () => isClosed),
    async close() {
      isClosed = true;
      await Promise.all([standby.close(), processes.close()]);
    },
  };
}

async function openNext(
  next: Generation | undefined,
  ...session: Parameters<Generation["openSession"]>
): Promise<Opening> {
  return next === undefined ? { outcome: "unusable", reason: STOPPING } : next.openSession(...session);
}

async function findNext(next: Generation | undefined, ...request: Parameters<Generation["findServer"]>) {
  return next === undefined ? createUnusableServer(STOPPING) : next.findServer(...request);
}

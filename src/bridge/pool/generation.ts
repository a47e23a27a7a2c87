// A generation of server processes: all that come of one launch. They speak the revision that the launch has found, and
// end together; whatever is remembered of the server ends with them.
import type { SessionAdapter } from "../adapter.ts";
import { createAnonymousLimits } from "./anonymous-limits.ts";
import type { BridgeOptions, Generation } from "../bridge.ts";
import type { ClientSide, Conversation } from "../bridge.ts";
import { createStandby } from "../launch/standby.ts";
import { createInvalidOutputReport } from "../process/invalid-output.ts";
import { createProcessFinder } from "./process-finder.ts";
import { createProcessPool, type PooledProcess } from "./process-pool.ts";
import { createUnusableServer } from "../unusable-server.ts";

export function createGeneration(options: BridgeOptions): Generation {
  const onInvalidOutput = createInvalidOutputReport(options.log);
  const standby = createStandby({ ...options, onInvalidOutput });
  const processes = createProcessPool(options);
  const anonymous = createAnonymousLimits(options.now);
  const finder = createProcessFinder({ bridge: options, standby, processes, anonymous, onInvalidOutput });

  function openOn(process: PooledProcess<SessionAdapter>, client: ClientSide): Conversation {
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
      const problem = await standby.findProblem();
      if (problem !== undefined) return { outcome: "unusable", reason: problem };
      const process = await finder.findForSession(caller, initialize);
      if (process === undefined) return { outcome: "busy" };
      return { outcome: "open", conversation: openOn(process, client) };
    },
    async findServer(caller, envelope) {
      const problem = await standby.findProblem();
      if (problem !== undefined) return createUnusableServer(problem);
      const process = await finder.findForRequest(caller, envelope);
      return process && { ...process.adapter.serve(caller.key), release: () => process.claims-- };
    },
    async isAlive(ms) {
      const newest = processes.newest();
      return newest === undefined ? standby.isAlive(ms) : newest.adapter.isAlive(ms);
    },
    async close() {
      await Promise.all([standby.close(), processes.close()]);
    },
  };
}

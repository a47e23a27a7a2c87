// The bridge over the server processes in use: opens sessions and serves requests on the process that their caller is
// served by, or says why there is none.
import type { SessionAdapter } from "../adapter.ts";
import { createAnonymousLimits } from "./anonymous-limits.ts";
import type { Bridge, BridgeOptions, ClaimedServer, ClientSide, Conversation } from "../bridge.ts";
import { createStandby } from "../launch/standby.ts";
import { createInvalidOutputReport } from "../process/invalid-output.ts";
import { createProcessFinder } from "./process-finder.ts";
import { createProcessPool, type PooledProcess } from "./process-pool.ts";
import { createUnusableConversation, createUnusableServer } from "../unusable-server.ts";

export function createBridge(options: BridgeOptions): Bridge {
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
    async openSession(caller, initialize, client): Promise<Conversation | undefined> {
      const problem = await standby.findProblem();
      if (problem !== undefined) return createUnusableConversation(client, problem);
      const process = await finder.findForSession(caller, initialize);
      return process && openOn(process, client);
    },
    async findServer(caller, envelope): Promise<ClaimedServer | undefined> {
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

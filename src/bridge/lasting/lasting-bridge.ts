// The bridge over the generations of its server: a restart, and whatever else ends processes, ends no session.
import type {
  Bridge,
  BridgeCaller,
  BridgeOptions,
  Generation,
  LastingClient,
  LaunchReport,
  SessionSetup,
} from "../bridge.ts";
import { createGeneration } from "../pool/generation.ts";
import { createLastingConversation, type RestartableConversation } from "./lasting-conversation.ts";
import { createRestarts } from "./restarts.ts";

export function createBridge(options: BridgeOptions): Bridge {
  const conversations = new Set<RestartableConversation>();
  let generation: Generation = createGeneration(options);
  let isClosed = false;

  async function replaceGeneration(_reason: string): Promise<LaunchReport> {
    for (const conversation of conversations) conversation.hold();
    await generation.close();
    if (!isClosed) generation = createGeneration(options);
    return generation.launch();
  }
  const restarts = createRestarts(replaceGeneration);

  /** The one that calls are made on; during a restart, the next one. */
  async function findGeneration(): Promise<Generation> {
    await restarts.settled();
    return generation;
  }

  function createConversation(
    caller: BridgeCaller,
    setup: SessionSetup | undefined,
    client: LastingClient,
  ): RestartableConversation {
    const conversation = createLastingConversation({
      ...(setup !== undefined && { setup }),
      client: {
        ...client,
        closed() {
          conversations.delete(conversation);
          client.closed();
        },
      },
      open: async (initialize, side) => (await findGeneration()).openSession(caller, initialize, side),
    });
    conversations.add(conversation);
    return conversation;
  }

  return {
    launch: () => generation.launch(),
    async openSession(caller, initialize, client) {
      const conversation = createConversation(caller, undefined, client);
      if (await conversation.begin(initialize)) return conversation;
      conversations.delete(conversation);
      return undefined;
    },
    resumeSession: createConversation,
    findServer(caller, envelope) {
      if (!restarts.isUnderWay) return generation.findServer(caller, envelope);
      return findGeneration().then((next) => next.findServer(caller, envelope));
    },
    async restart(reason) {
      const attached = [...conversations].filter(({ isAttached }) => isAttached);
      const report = await restarts.request(reason);
      // Their clients may wait for what the server says by itself.
      await Promise.all(attached.map((conversation) => conversation.attach()));
      return report;
    },
    isAlive: (ms) => generation.isAlive(ms),
    async close() {
      isClosed = true;
      await generation.close();
      for (const conversation of conversations) conversation.close();
    },
  };
}

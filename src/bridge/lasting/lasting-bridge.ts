// The bridge over the generations of its server: a restart, and whatever else ends processes, ends no session.
import type { Bridge, BridgeCaller, BridgeOptions, LastingClient, SessionSetup } from "../bridge.ts";
import type { AttachmentOptions } from "./attachment.ts";
import { createLastingConversation, type RestartableConversation } from "./lasting-conversation.ts";
import { createListeners } from "./listeners.ts";
import { createSuccession } from "./succession.ts";
import { awaitTurn } from "./turn.ts";
import { createWaitingRoom } from "./waiting-room.ts";

/** Bytes of messages of callers without a token that may wait together: they must leave room for everyone else. */
const MOST_OF_STRANGERS = 8 * 1024 * 1024;

export function createBridge(options: BridgeOptions): Bridge {
  const conversations = new Set<RestartableConversation>();
  /** Sessions whose clients may wait for what the server says by itself: they are taken up again after a restart. */
  const returning = new Set<RestartableConversation>();
  const [room, roomOfStrangers] = [createWaitingRoom(), createWaitingRoom(MOST_OF_STRANGERS, 0)];
  const isStranger = ({ key }: BridgeCaller) => options.hasAnonymous && key === "";
  const roomOf = (caller: BridgeCaller) =>
    (isStranger(caller) ? roomOfStrangers : room).forCaller(caller.key);
  const succession = createSuccession({ bridge: options, hold, resume });
  const listeners = createListeners(async (...request) => (await succession.find()).findServer(...request));

  function hold(): void {
    for (const conversation of conversations) {
      if (conversation.isAttached) returning.add(conversation);
      conversation.hold();
    }
    listeners.hold();
  }

  async function takeUp(conversation: RestartableConversation): Promise<void> {
    await conversation.attach();
    if (conversation.isAttached) returning.delete(conversation);
  }

  async function resume(): Promise<void> {
    await Promise.all([listeners.reopen(), ...Array.from(returning, takeUp)]);
  }

  function createConversation(
    caller: BridgeCaller,
    setup: SessionSetup | undefined,
    client: LastingClient,
  ): RestartableConversation {
    const open: AttachmentOptions["open"] = async (initialize, side) =>
      (await succession.find()).openSession(caller, initialize, side);
    const conversation = createLastingConversation({
      ...(setup !== undefined && { setup }),
      client: {
        ...client,
        closed() {
          conversations.delete(conversation);
          returning.delete(conversation);
          client.closed();
        },
      },
      room: roomOf(caller),
      restartCount: succession.restartCount,
      // Strangers have one process, and do not wait until it is their turn.
      open: isStranger(caller) ? open : (...session) => awaitTurn(() => open(...session)),
    });
    conversations.add(conversation);
    return conversation;
  }

  return {
    launch: succession.launch,
    async openSession(caller, initialize, client) {
      const conversation = createConversation(caller, undefined, client);
      const waiting = { bytes: initialize.bytes.length };
      if (await roomOf(caller).wait(() => conversation.begin(initialize), waiting)) return conversation;
      conversations.delete(conversation);
      return undefined;
    },
    resumeSession: createConversation,
    findServer(caller, envelope, bytes = 0, signal) {
      if (succession.isDecided) return succession.current.findServer(caller, envelope);
      const find = async () => (await succession.find()).findServer(caller, envelope);
      return roomOf(caller).wait(find, { bytes, signal }, (server) => server?.release());
    },
    listen: listeners.open,
    restart: succession.request,
    isAlive: (ms) => succession.current.isAlive(ms),
    async close() {
      await succession.close();
      for (const conversation of conversations) conversation.close();
    },
  };
}

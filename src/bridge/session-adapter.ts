// The client's side of both pairs for clients with sessions: opens sessions on a server process, and ends them with it.
import type { SessionAdapter } from "./adapter.ts";
import type { ClientSide, Conversation } from "./bridge.ts";
import type { Multiplexer } from "./process/multiplexer.ts";
import {
  createConversation,
  type ClientSession,
  type SessionRules,
  type SessionWaiter,
} from "./client-session.ts";

/** @param begin makes a session of a client that has just come */
export function createSessionAdapter<S extends ClientSession>(
  multiplexer: Multiplexer<SessionWaiter<S>>,
  rules: SessionRules<S>,
  begin: (client: ClientSide) => S,
): SessionAdapter {
  const conversations = new Set<Conversation>();

  return {
    get pending() {
      return multiplexer.calls.size + Number(rules.tools.isReading);
    },
    open(client) {
      const conversation = createConversation(begin(client), multiplexer, {
        ...rules,
        ended(session) {
          conversations.delete(conversation);
          rules.ended(session);
        },
      });
      conversations.add(conversation);
      return conversation;
    },
    isAlive: multiplexer.isAlive,
    async close() {
      for (const conversation of conversations) conversation.close();
      await multiplexer.close();
    },
  };
}

// The client's side of both pairs for clients with sessions: opens sessions on a server process, and ends them with it.
import type { SessionAdapter } from "./adapter.ts";
import type { ClientSide, Conversation } from "./bridge.ts";
import type { Multiplexer } from "./process/multiplexer.ts";
import {
  createConversation,
  failCalls,
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
  const conversations = new Map<Conversation, S>();

  return {
    get pending() {
      return multiplexer.calls.size + Number(rules.tools.isReading);
    },
    get atWork() {
      let calls = Number(rules.tools.isReading);
      for (const { open } of conversations.values()) calls += open.size;
      return calls;
    },
    cancelRequests(reason) {
      multiplexer.declineRequests(reason);
      rules.cancelRequests(reason);
    },
    failCalls(reason) {
      for (const session of conversations.values()) failCalls(session, multiplexer, reason);
    },
    open(client) {
      const begun = begin(client);
      const conversation = createConversation(begun, multiplexer, {
        ...rules,
        ended(session) {
          conversations.delete(conversation);
          rules.ended(session);
        },
      });
      conversations.set(conversation, begun);
      return conversation;
    },
    isAlive: multiplexer.isAlive,
    async close() {
      for (const conversation of conversations.keys()) conversation.close();
      await multiplexer.close();
    },
  };
}

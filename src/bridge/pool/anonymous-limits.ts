// Bounds on what anonymous callers may use together: sessions on their one process, and starts of a server that refuses
// them. They cannot be told apart, so one of them could use up everything otherwise.
import type { Conversation } from "../bridge.ts";
import { createBackoff } from "../process/backoff.ts";

export interface AnonymousLimits {
  /** Whether their process may be used; after a refusal it may not be for a while. */
  isOpen(): boolean;
  /** The server has refused to be initialized for them. */
  refused(): void;
  /** To be called before a session is opened: ends the oldest one when there are too many. */
  makeRoom(): void;
  opened(conversation: Conversation): void;
  closed(conversation: Conversation): void;
}

/** Sessions at a time. */
const MAX_SESSIONS = 100;

export function createAnonymousLimits(now: () => number): AnonymousLimits {
  /** Oldest first. */
  const sessions = new Set<Conversation>();
  const backoff = createBackoff(now);
  let closedUntil = 0;
  return {
    isOpen: () => now() >= closedUntil,
    refused: () => void (closedUntil = now() + backoff.next()),
    makeRoom() {
      const [oldest] = sessions;
      if (sessions.size >= MAX_SESSIONS) oldest?.close();
    },
    opened: (conversation) => void sessions.add(conversation),
    closed: (conversation) => void sessions.delete(conversation),
  };
}

// The body of a response whose client may be slow, may take nothing at all, or may have to renew its credential before
// it gets any more.
import { createHeldMessages } from "./held-messages.ts";
import { createPulledBody, type Backlog, type PulledBody } from "./pulled-body.ts";

export interface PacedBody extends Pick<PulledBody, "readable" | "unread" | "sent" | "end" | "cut"> {
  /** Adds to what the client gets. Does nothing after the end. */
  write(...chunks: readonly Uint8Array[]): void;
  /** Whatever is written from now on waits until it is released; when it is too much, the oldest goes. */
  hold(): void;
  release(): void;
  /** Adds to what the client gets, ahead of whatever waits. */
  pass(...chunks: readonly Uint8Array[]): void;
  /** To be called at equal intervals. @returns whether the client has taken nothing for a number of them */
  isStalled(): boolean;
}

/** Intervals without a byte taken after which a client counts as stalled. */
const PATIENCE = 4;

/**
 * @param over called once, when nothing more goes out
 * @param opening leaves with the headers, uncounted
 */
export function createPacedBody(backlog: Backlog, over: () => void, opening?: Uint8Array): PacedBody {
  const held = createHeldMessages(backlog);
  let isHeld = false;
  let waited = 0;
  const finish = () => {
    held.takeAll();
    over();
  };
  const body = createPulledBody(backlog, finish, opening);

  return {
    readable: body.readable,
    get unread() {
      return body.unread;
    },
    get sent() {
      return body.sent;
    },
    write(...chunks) {
      if (!isHeld) body.add(chunks);
      else if (body.isOpen) held.add(chunks);
    },
    pass: (...chunks) => body.add(chunks),
    end: body.end,
    hold() {
      isHeld = true;
    },
    release() {
      isHeld = false;
      for (const pieces of held.takeAll()) body.add(pieces);
    },
    cut: body.cut,
    isStalled() {
      const isTaking = body.wasPulled() || body.unread === 0;
      waited = isTaking ? 0 : waited + 1;
      return waited >= PATIENCE;
    },
  };
}

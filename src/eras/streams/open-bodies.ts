// The response bodies that still go out: each ends with its caller's credential, event streams are kept alive, and a
// client that takes nothing is cut off.
import { isRevoked } from "../access-lifetime.ts";
import type { Caller } from "../caller.ts";
import { createExpiryAlarm } from "./expiry-alarm.ts";
import type { PacedBody } from "./paced-body.ts";

export interface OpenBody {
  caller: Caller;
  /** It is an event stream, and has not ended. */
  isOpen: boolean;
  /** Messages are written but held back: the credential has run out, and may be renewed. */
  isHeld: boolean;
  /** Milliseconds for which it goes on when the credential has run out by itself. */
  readonly lasts: number;
  /** Meanwhile it waits for a new credential. */
  readonly waits: boolean;
  /** When it is to be looked at: its credential runs out, or has run out for so long that it ends. */
  due: number;
  end(): void;
}

export interface OpenBodies {
  add(body: PacedBody, entry: OpenBody): void;
  remove(body: PacedBody): void;
  /** The entry's credential is another one now, or it is new. */
  expectEnd(entry: OpenBody): void;
  /** Ends the bodies whose caller lost access. @param grantId the grant of which a token was revoked */
  endUnallowed(grantId?: string): void;
  /** Ends all of them. */
  close(): void;
}

export interface OpenBodiesOptions {
  /** Milliseconds between the comments on every open stream. */
  keepAlive: number;
  /** Called when a client was cut off because it has taken nothing for four times as long. */
  stalled?(): void;
  now(): number;
}

const KEEP_ALIVE = new TextEncoder().encode(": keep-alive\n\n");

export function createOpenBodies({ keepAlive, stalled, now }: OpenBodiesOptions): OpenBodies {
  const bodies = new Map<PacedBody, OpenBody>();

  const endIfOver = (body: PacedBody, entry: OpenBody, grantId?: string) => {
    const { caller, waits } = entry;
    if (caller.isValid()) return;
    if (!isRevoked(caller, grantId, now()) && now() < endOf(entry)) {
      if (waits && !entry.isHeld) {
        entry.isHeld = true;
        entry.due = endOf(entry);
        body.hold();
      }
    } else if (body.unread > 0) body.cut();
    else entry.end();
  };
  const endUnallowed = (grantId?: string) => {
    for (const [body, entry] of bodies) endIfOver(body, entry, grantId);
  };
  const alarm = createExpiryAlarm({
    now,
    ring(at) {
      let next = Infinity;
      for (const [body, entry] of bodies) {
        if (entry.due <= at) {
          entry.due = Infinity;
          endIfOver(body, entry);
        }
        if (entry.due < next) next = entry.due;
      }
      return next < Infinity ? next : undefined;
    },
  });
  // One timer for all: a thousand idle streams cost one tick.
  const timer = setInterval(() => {
    endUnallowed();
    for (const [body, { isOpen }] of bodies) {
      if (body.isStalled()) {
        body.cut();
        stalled?.();
      } else if (isOpen && body.unread === 0) body.pass(KEEP_ALIVE);
    }
  }, keepAlive);
  timer.unref();

  return {
    add: (body, entry) => void bodies.set(body, entry),
    remove: (body) => void bodies.delete(body),
    expectEnd(entry) {
      entry.due = entry.waits ? (entry.caller.expiresAt ?? Infinity) : endOf(entry);
      if (entry.due < Infinity) alarm.expect(entry.due);
    },
    endUnallowed,
    close() {
      clearInterval(timer);
      alarm.close();
      for (const { end } of bodies.values()) end();
    },
  };
}

/** When a stream ends that is not revoked. */
function endOf({ caller: { expiresAt = Infinity }, lasts }: OpenBody): number {
  return expiresAt + lasts;
}

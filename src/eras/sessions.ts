// Sessions by id, each bound to the caller that opened it. An id is a name, never a credential: to any other caller the
// session does not exist (security best practices, "Session Hijacking").
import type { Caller } from "./caller.ts";

export interface HttpSession {
  readonly id: string;
  readonly callerKey: string;
  /** The grant that it ends with. */
  readonly grantId?: string | undefined;
  /** Whether its client has a stream open. */
  isConnected(): boolean;
  /** Whether a call has not been answered yet; perhaps it never will. */
  isAtWork(): boolean;
  /** It was used at that time. @param grantId given by a request: that of its token */
  used?(at: number, grantId?: string): void;
  /** Ends the session; it is already forgotten. */
  close(): void;
}

export interface Sessions<S extends HttpSession> {
  newId(): string;
  /**
   * Makes room for one more session. When its caller has too many, one ends: an idle one, or else one that only listens,
   * or else one whose client seems to be gone; of several, the one that was not used for the longest time.
   *
   * @param most sessions of this caller, if fewer than usual
   * @returns false when there is none that may
   */
  makeRoom(callerKey: string, most?: number): boolean;
  add(session: S): void;
  /** The caller's session with this id; counts as a use. */
  find(id: string, caller: Caller): S | undefined;
  /** The session with this id, if it belongs to no principal. */
  findAnonymous(id: string): S | undefined;
  /** Closes the sessions of a grant that has ended. */
  endGrant(grantId: string): void;
  /** Forgets a session without closing it. */
  remove(session: S): void;
  /** Closes the sessions that have not been used for a while, and later those whose calls were never answered. */
  reap(): void;
  close(): void;
}

export interface SessionsOptions {
  now(): number;
  random(bytes: number): Uint8Array;
  /** Milliseconds after its last use at which an idle session ends. */
  idle: number;
  /** The most sessions of one caller. */
  most?: number;
}

/**
 * Milliseconds after its last use at which an idle session leaves memory: nearly no client ever ends its own. What is noted
 * of it lasts longer.
 */
export const SESSION_IDLE = 15 * 60_000;
const ID_BYTES = 20;
const MOST = 100;
/** Of callers that cannot be told apart, all together: otherwise one of them could end the sessions of all. */
const MOST_WITHOUT_KEY = 1_000;

/** How many sessions, or listening streams, a caller may have at a time. */
export function mostOf(callerKey: string, most = MOST): number {
  return callerKey === "" ? Math.max(most, MOST_WITHOUT_KEY) : most;
}

/** How long a call may take while its client has no stream open, in milliseconds. */
const LONGEST_CALL = 60 * 60_000;
/** A client that waits for a call has a stream sooner, in milliseconds, unless it takes nothing but JSON. */
const SEEMS_GONE = 10_000;

export function createSessions<S extends HttpSession>({
  now,
  random,
  idle,
  most = MOST,
}: SessionsOptions): Sessions<S> {
  const sessions = new Map<string, { session: S; used: number }>();

  const end = (session: S) => {
    sessions.delete(session.id);
    session.close();
  };

  const makeRoom = (callerKey: string, room = mostOf(callerKey, most)): boolean => {
    const own = [...sessions.values()].filter(({ session }) => session.callerKey === callerKey);
    if (own.length < room) return true;
    const oldest = own.toSorted((one, other) => one.used - other.used);
    const least =
      oldest.find(({ session }) => !session.isConnected() && !session.isAtWork()) ??
      oldest.find(({ session }) => !session.isAtWork()) ??
      oldest.find(({ session, used }) => !session.isConnected() && used <= now() - SEEMS_GONE);
    if (least === undefined) return false;
    end(least.session);
    return true;
  };

  return {
    newId: () => Buffer.from(random(ID_BYTES)).toString("hex"),
    makeRoom,
    add: (session) => sessions.set(session.id, { session, used: now() }),
    find(id, caller) {
      const entry = sessions.get(id);
      if (entry === undefined || entry.session.callerKey !== caller.key) return undefined;
      entry.used = now();
      return entry.session;
    },
    findAnonymous(id) {
      const session = sessions.get(id)?.session;
      return session?.callerKey === "" ? session : undefined;
    },
    endGrant(grantId) {
      for (const { session } of sessions.values()) if (session.grantId === grantId) end(session);
    },
    remove(session) {
      // Its id may be that of the object which goes on with it.
      if (sessions.get(session.id)?.session === session) sessions.delete(session.id);
    },
    reap() {
      for (const entry of sessions.values()) {
        const { session, used } = entry;
        session.used?.(used);
        if (session.isConnected()) entry.used = now();
        else if (used < now() - (session.isAtWork() ? LONGEST_CALL : idle)) end(session);
      }
    },
    close() {
      for (const { session, used } of sessions.values()) {
        session.used?.(used);
        end(session);
      }
    },
  };
}

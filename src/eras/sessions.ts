// Sessions by id, each bound to the principal that opened it. An id is a name, never a credential:
// to anybody else it does not exist (security best practices, "Session Hijacking").
import type { Caller } from "./era.ts";

export interface Session {
  readonly id: string;
  readonly principal: string;
  /** Whether something is going on: an open stream, a call in flight. */
  isBusy(): boolean;
  /** Whether it may be ended to make room for another one of its principal. */
  mayGo(): boolean;
  /** Ends the session; it is already forgotten. */
  close(): void;
}

export interface Sessions<S extends Session> {
  newId(): string;
  /**
   * Makes room for one more session. When its principal has too many, one that nothing goes on in ends, or else one that
   * may go; the one that was not used for the longest time.
   *
   * @returns false when there is none that may
   */
  makeRoom(principal: string): boolean;
  add(session: S): void;
  /** The caller's session with this id; counts as a use. */
  find(id: string, caller: Caller): S | undefined;
  /** The session with this id that belongs to no principal; it is forgotten, and the caller's to close. */
  takeAnonymous(id: string): S | undefined;
  /** Forgets a session without closing it. */
  remove(session: S): void;
  /** Closes the sessions that nobody has used for a while. */
  reap(): void;
  close(): void;
}

export interface SessionsOptions {
  now(): number;
  random(bytes: number): Uint8Array;
  /** Milliseconds after its last use at which an idle session ends. */
  idle: number;
  /** The most sessions of one principal. */
  most?: number;
}

const ID_BYTES = 20;
const MOST = 100;
/** Of those whom nobody can tell from each other, all together: one of them could end everybody's otherwise. */
const MOST_OF_ANYBODY = 1_000;

export function createSessions<S extends Session>({
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

  const makeRoom = (principal: string): boolean => {
    const own = [...sessions.values()].filter(({ session }) => session.principal === principal);
    if (own.length < (principal === "" ? Math.max(most, MOST_OF_ANYBODY) : most)) return true;
    const spared = own
      .toSorted((one, other) => one.used - other.used)
      .filter(({ session }) => session.mayGo());
    const least = spared.find(({ session }) => !session.isBusy()) ?? spared[0];
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
      if (entry === undefined || entry.session.principal !== caller.principal) return undefined;
      entry.used = now();
      return entry.session;
    },
    takeAnonymous(id) {
      const session = sessions.get(id)?.session;
      if (session?.principal !== "") return undefined;
      sessions.delete(id);
      return session;
    },
    remove: (session) => sessions.delete(session.id),
    reap() {
      const oldest = now() - idle;
      for (const entry of sessions.values()) {
        if (entry.session.isBusy()) entry.used = now();
        else if (entry.used < oldest) end(entry.session);
      }
    },
    close() {
      for (const { session } of sessions.values()) end(session);
    },
  };
}

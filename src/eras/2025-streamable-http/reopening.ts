// Finds the session that a request names. It may not be in memory, or be a stranger's there, and goes on all the same: what
// is noted of it outlives its object, and the program. One object is made, however many requests come for it at once; no
// process serves it yet.
import { isAnonymous, type Caller } from "../caller.ts";
import { notNow, sessionNotFound } from "../error-response.ts";
import type { SessionNote } from "../notes/session-note.ts";
import type { FoundNote, SessionNotes } from "../notes/session-notes.ts";
import type { Sessions } from "../sessions.ts";
import { takeOrphan } from "./adoption.ts";
import type { SessionFactory } from "./session-factory.ts";
import type { StreamableSession } from "./streamable-session.ts";

export interface Reopenings {
  /** The caller's session with this id, or the response that says that there is none. */
  find(id: string, caller: Caller): StreamableSession | Response | Promise<StreamableSession | Response>;
}

type Found = StreamableSession | Response | undefined;

export interface ReopeningsOptions {
  sessions: Sessions<StreamableSession>;
  /** Absent: sessions end with their objects. */
  notes: SessionNotes | undefined;
  resume: SessionFactory["resume"];
  now(): number;
}

/** The form of the ids that `Sessions.newId` gives; any other one costs no look into the store. */
const SESSION_ID = /^[0-9a-f]{40}$/;

export function createReopenings(options: ReopeningsOptions): Reopenings {
  const { sessions, notes, resume, now } = options;
  const looking = new Map<string, Promise<Found>>();

  function adopt(id: string, caller: Caller): StreamableSession | Response | undefined {
    const setup = takeOrphan(id, caller, sessions);
    if (setup === undefined || setup instanceof Response) return setup;
    const { key: callerKey, principal } = caller;
    const note = { id, callerKey, grantId: principal?.grantId, setup, usedAt: now(), isForgotten: false };
    const session = resume(caller, note);
    if (!(session instanceof Response)) notes?.keep(note);
    return session;
  }

  function reopen(id: string, caller: Caller, note: SessionNote | undefined): Found {
    // Another request may have been faster.
    return note && (sessions.find(id, caller) ?? resume(caller, note));
  }

  async function wait(id: string, caller: Caller, finding: Promise<FoundNote>): Promise<Found> {
    const note = await finding;
    return note === "unknown" ? notNow() : reopen(id, caller, note);
  }

  function look(id: string, caller: Caller, from: SessionNotes): Found | Promise<Found> {
    const key = JSON.stringify([id, caller.key, caller.principal?.grantId]);
    const earlier = looking.get(key);
    if (earlier !== undefined) return earlier.then(copyOf);
    const finding = from.find(id, caller.key);
    if (!(finding instanceof Promise)) return finding === "unknown" ? notNow() : reopen(id, caller, finding);
    const found = wait(id, caller, finding).finally(() => looking.delete(key));
    looking.set(key, found);
    return found.then(copyOf);
  }

  function lookElsewhere(id: string, caller: Caller): Found | Promise<Found> {
    // Nothing is noted of anonymous callers: anyone could fill the store.
    if (isAnonymous(caller) || !SESSION_ID.test(id)) return undefined;
    return adopt(id, caller) ?? (notes && look(id, caller, notes));
  }

  /** The session ends with the grant of the token that it was last used with, unless that has ended meanwhile. */
  function follow(found: Found, { principal, isValid }: Caller): StreamableSession | Response {
    if (found === undefined) return sessionNotFound();
    if (!(found instanceof Response) && found.grantId !== principal?.grantId && isValid())
      found.used?.(now(), principal?.grantId);
    return found;
  }

  return {
    find(id, caller) {
      const found = sessions.find(id, caller) ?? lookElsewhere(id, caller);
      return found instanceof Promise
        ? found.then((session) => follow(session, caller))
        : follow(found, caller);
    },
  };
}

/** Several requests may wait for it, and a response can be sent once. */
function copyOf(found: Found): Found {
  return found instanceof Response ? (found.clone() as Response) : found;
}

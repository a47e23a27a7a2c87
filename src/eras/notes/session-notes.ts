// Sessions that outlive the program: what each has said of itself is noted in the store under the hash of its id.
import type { Log } from "../../log.ts";
import { whenKnown, type Later, type SessionRecord, type Store } from "../../store/store.ts";
import { createNoteQueue } from "./note-queue.ts";
import { createRecordLookup } from "./record-lookup.ts";
import { hashSessionId, type SessionNote } from "./session-note.ts";
import { isKeepable, readSetup, writeSetup } from "./setup-text.ts";

export interface SessionNotes {
  /** The note has changed. */
  keep(note: SessionNote): void;
  /** From now on the session does not exist, whatever the store still says. */
  forget(note: SessionNote): void;
  /** What is known of the caller's session with this id. */
  find(id: string, callerKey: string): Later<FoundNote>;
  /** The grant has been revoked, and the store has forgotten its sessions; those that wait to be written are, too. */
  endGrant(grantId: string): void;
  /** Writes what is left. Nothing is kept afterwards. */
  close(): Later<void>;
}

/** `undefined`: there is no such session; `unknown`: the store cannot be asked. */
export type FoundNote = SessionNote | undefined | "unknown";

export interface SessionNotesOptions {
  store: Pick<Store, "keepSessions" | "findSession" | "removeSessions">;
  serverId: string;
  now(): number;
  log: Pick<Log, "info" | "warn">;
}

/** How long a session lasts without being used, in milliseconds. */
const LASTS = 30 * 24 * 60 * 60_000;
const MOST = 10_000;
const MOST_OF_CALLER = 200;
/** Where callers cannot be told apart. */
const MOST_WITHOUT_KEY = 1_000;

export function createSessionNotes(options: SessionNotesOptions): SessionNotes {
  const { store, serverId, now, log } = options;
  const queue = createNoteQueue({ put, log });
  const lookUp = createRecordLookup(options);
  /** Ends of sessions and of their grants so far. */
  let ends = 0;

  function put(notes: readonly SessionNote[]): Later<void> {
    const records = notes.flatMap((note) => toRecord(note, serverId));
    const removed = notes.filter(({ isForgotten }) => isForgotten).map(({ id }) => hashSessionId(id));
    // In one run all callers have keys, or none has.
    const perCaller = records[0]?.callerKey === "" ? MOST_WITHOUT_KEY : MOST_OF_CALLER;
    const bounds = { perCaller, inAll: MOST, usedAfter: now() - LASTS };
    const kept = records.length > 0 ? store.keepSessions(records, bounds) : undefined;
    return whenKnown(kept, () => (removed.length > 0 ? store.removeSessions(removed) : undefined));
  }

  function accept(id: string, record: SessionRecord | undefined): SessionNote | undefined {
    if (record === undefined) return undefined;
    const { callerKey, grantId, usedAt } = record;
    const setup = readSetup(record.setup);
    const note = { id, callerKey, grantId: grantId ?? undefined, setup, usedAt, isForgotten: false };
    if (setup !== undefined) return note;
    log.warn("What was kept of a session cannot be read, and was dropped. Its client has to begin anew.");
    forget(note);
    return undefined;
  }

  function find(id: string, callerKey: string): Later<FoundNote> {
    const before = ends;
    const recalled = queue.recall(id);
    if (recalled !== undefined) return ownOf(recalled, callerKey);
    return whenKnown(lookUp(hashSessionId(id), now() - LASTS), (record) => {
      if (record === "unknown") return record;
      // It may have been ended since the store looked.
      if (ends !== before || queue.recall(id) !== undefined) return find(id, callerKey);
      return record?.callerKey === callerKey ? accept(id, record) : undefined;
    });
  }

  function forget(note: SessionNote): void {
    note.isForgotten = true;
    ends++;
    queue.add(note);
  }

  return {
    keep(note) {
      if (note.isForgotten || note.setup === undefined || !isKeepable(note.setup)) return;
      queue.add(note);
    },
    forget,
    find,
    endGrant(grantId) {
      ends++;
      queue.forgetGrant(grantId);
    },
    close: queue.close,
  };
}

function ownOf(note: SessionNote, callerKey: string): SessionNote | undefined {
  return note.isForgotten || note.callerKey !== callerKey ? undefined : { ...note };
}

function toRecord({ id, setup, isForgotten, ...note }: SessionNote, serverId: string): SessionRecord[] {
  if (isForgotten || setup === undefined) return [];
  const { callerKey, grantId = null, usedAt } = note;
  return [{ hash: hashSessionId(id), serverId, callerKey, grantId, setup: writeSetup(setup), usedAt }];
}

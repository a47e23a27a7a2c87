// Notes of sessions on their way to the store: nothing is written while a request waits, and what has changed is written
// right after, that of many sessions at once. When the store fails they wait here until it works again.
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { whenKnown, type Later } from "../../store/store.ts";
import type { SessionNote } from "./session-note.ts";

export interface NoteQueue {
  /** The note has changed. */
  add(note: SessionNote): void;
  /** A note that the store may not have yet. */
  recall(id: string): SessionNote | undefined;
  /** The grant has ended, and the sessions whose notes wait with it: the store may know them by another grant. */
  forgetGrant(grantId: string): void;
  /** Writes what is left. Nothing is written afterwards. */
  close(): Later<void>;
}

export interface NoteQueueOptions {
  /** Writes notes, all of them or none. */
  put(notes: readonly SessionNote[]): Later<void>;
  log: Pick<Log, "info" | "warn">;
}

/** Notes that wait for a store that fails; the oldest go first. */
const MOST_WAITING = 1_000;
const RETRY_AFTER = 5_000;
/** Writes in one second: a client that changes its mind all the time must not keep the store busy. */
const MOST_WRITES = 20;
const SECOND = 1_000;

export function createNoteQueue({ put, log }: NoteQueueOptions): NoteQueue {
  /** What has changed, by id. */
  let waiting = new Map<string, SessionNote>();
  /** What is being written. */
  let writing = new Map<string, SessionNote>();
  let written: Promise<void> | undefined;
  let turn: { cancel(): void } | undefined;
  const pace = createPace();
  let isFailing = false;
  let isClosed = false;

  function expectWrite(): void {
    if (isClosed) return;
    const delay = isFailing ? RETRY_AFTER : pace.delay();
    turn ??= delay > 0 ? callAfter(delay, write) : callNext(write);
  }

  function write(): Later<void> {
    turn?.cancel();
    turn = undefined;
    // What waits is written when this is done.
    if (written !== undefined || waiting.size === 0) return written;
    writing = waiting;
    waiting = new Map();
    pace.count();
    try {
      const answer = put([...writing.values()]);
      if (!(answer instanceof Promise)) return finish();
      written = answer.then(finish, fail);
      return written;
    } catch (thrown) {
      return fail(thrown);
    }
  }

  function finish(): void {
    writing = new Map();
    written = undefined;
    if (isFailing) log.info("Sessions are kept again.");
    isFailing = false;
    if (waiting.size > 0) expectWrite();
  }

  function fail(thrown: unknown): void {
    waiting = new Map([...writing, ...waiting].slice(-MOST_WAITING));
    writing = new Map();
    written = undefined;
    if (!isFailing)
      log.warn(
        `Sessions cannot be kept: ${messageOf(thrown)}. They go on, but until this works again a restart ends new ones. Check that the disk has room, and that the store can be reached and written.`,
      );
    isFailing = true;
    expectWrite();
  }

  function add(note: SessionNote): void {
    if (isClosed) return;
    // The newest is the one that changed last.
    waiting.delete(note.id);
    waiting.set(note.id, note);
    expectWrite();
  }

  return {
    add,
    recall: (id) => waiting.get(id) ?? writing.get(id),
    forgetGrant(grantId) {
      for (const note of new Map([...writing, ...waiting]).values()) {
        if (note.grantId !== grantId || note.isForgotten) continue;
        note.isForgotten = true;
        add(note);
      }
    },
    close: () =>
      whenKnown(written, () => {
        isClosed = true;
        return write();
      }),
  };
}

/** Bounds how many writes there are in one second. */
function createPace() {
  let writes = 0;
  let ends = 0;
  return {
    count() {
      const now = performance.now();
      if (now >= ends) [writes, ends] = [0, now + SECOND];
      writes++;
    },
    /** Milliseconds until the next one may come. */
    delay: () => (writes < MOST_WRITES ? 0 : ends - performance.now()),
  };
}

function callNext(call: () => unknown): { cancel(): void } {
  const immediate = setImmediate(call);
  return { cancel: () => clearImmediate(immediate) };
}

function callAfter(ms: number, call: () => unknown): { cancel(): void } {
  const timer = setTimeout(call, ms);
  timer.unref();
  return { cancel: () => clearTimeout(timer) };
}

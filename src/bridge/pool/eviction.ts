// Whether one more server process may be started, and which one has to end for it. Decides only; the pool acts.

export interface Occupant {
  /** The caller it was started for; empty for callers that cannot be told apart. */
  readonly callerKey: string;
  /** Calls in flight. */
  readonly pending: number;
  /** Sessions open on it. */
  readonly sessions: number;
  /** Clients that have found it and have not called it yet. */
  readonly claims: number;
}

export interface Occupancy<O extends Occupant> {
  /** Least recently used first. */
  occupants: readonly O[];
  /** How many processes have been asked to end and are still there. */
  ending: number;
  /** The most processes at a time. */
  max: number;
  /** The caller that needs one more. */
  callerKey: string;
}

export type RoomDecision<O extends Occupant> =
  | { action: "start" }
  /** There is room when a process that is ending has ended. */
  | { action: "wait" }
  /** There is room when this one has ended. */
  | { action: "end"; occupant: O }
  | { action: "refuse" };

export function decideRoom<O extends Occupant>(occupancy: Occupancy<O>): RoomDecision<O> {
  const { occupants, ending, max, callerKey } = occupancy;
  const own = occupants.filter((occupant) => occupant.callerKey === callerKey);
  if (own.length >= fairShareOf(max) && own.length < occupants.length) {
    // Over its share, a caller makes room for itself at its own expense.
    const idle = own.find(isIdle);
    return idle === undefined ? { action: "refuse" } : { action: "end", occupant: idle };
  }
  if (occupants.length + ending < max) return { action: "start" };
  if (ending > 0 && occupants.length < max) return { action: "wait" };
  const occupant = chooseEvicted(callerKey, occupants);
  if (occupant !== undefined) return { action: "end", occupant };
  return { action: ending > 0 ? "wait" : "refuse" };
}

/** How many processes one caller may have while other callers have some. */
function fairShareOf(max: number): number {
  return Math.max(1, Math.ceil(max / 2));
}

/**
 * The one whose end is noticed least: one without an open session before one with, the caller's own before another's,
 * and never a signed-in person's for an anonymous caller. The process of anonymous callers goes even while they use it,
 * because they could keep it busy all day.
 */
function chooseEvicted<O extends Occupant>(callerKey: string, everyone: readonly O[]): O | undefined {
  const own = everyone.filter((occupant) => occupant.callerKey === callerKey);
  const all = callerKey === "" ? [] : everyone;
  return (
    own.find(isFree) ??
    all.find((occupant) => occupant.callerKey === "" && occupant.claims === 0) ??
    all.find(isFree) ??
    own.find(isIdle) ??
    all.find(isIdle)
  );
}

/** Whether no client waits for anything from it. */
export function isIdle({ pending, claims }: Occupant): boolean {
  return pending === 0 && claims === 0;
}

/** Whether no client would notice its end. */
export function isFree(occupant: Occupant): boolean {
  return isIdle(occupant) && occupant.sessions === 0;
}

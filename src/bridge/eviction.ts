// Which server process goes when there is no room for another one.

export interface Occupant {
  /** Whom it was started for; empty for anybody. */
  readonly callerKey: string;
  readonly host: { readonly pending: number };
  /** Sessions open on it. */
  readonly sessions: number;
  /** Who has found it and has not called it yet. */
  readonly claims: number;
}

/**
 * The one whose end is noticed least: without an open session before those with one, the caller's own before others',
 * and a signed-in person's never for a stranger. That of strangers goes though they are at it: they can do so all day.
 *
 * @param everybody least recently used first
 */
export function chooseSpared<O extends Occupant>(callerKey: string, everybody: readonly O[]): O | undefined {
  const own = everybody.filter((occupant) => occupant.callerKey === callerKey);
  const all = callerKey === "" ? [] : everybody;
  return (
    own.find(isFree) ??
    all.find((occupant) => occupant.callerKey === "" && occupant.claims === 0) ??
    all.find(isFree) ??
    own.find(isIdle) ??
    all.find(isIdle)
  );
}

/** Whether nobody waits for anything of it. */
export function isIdle({ host, claims }: Occupant): boolean {
  return host.pending === 0 && claims === 0;
}

function isFree(occupant: Occupant): boolean {
  return isIdle(occupant) && occupant.sessions === 0;
}

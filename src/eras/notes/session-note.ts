// What is noted of one session, so that it goes on when nothing of it is in memory.
import { createHash } from "node:crypto";
import type { SessionSetup } from "../../bridge/bridge.ts";

export interface SessionNote {
  readonly id: string;
  readonly callerKey: string;
  /** The grant of the token that was last used with it; absent where no one signs in. */
  grantId: string | undefined;
  /** `undefined` before the server has accepted its `initialize`. */
  setup: SessionSetup | undefined;
  /** When it was last used, as it is kept: to the hour. */
  usedAt: number;
  /** Its client has ended it. */
  isForgotten: boolean;
}

const HOUR = 60 * 60_000;

/** The session has been used. @returns whether that is news to the store */
export function noteUse(note: SessionNote, grantId: string | undefined, usedAt: number): boolean {
  if (note.grantId === grantId && usedAt < note.usedAt + HOUR) return false;
  note.grantId = grantId;
  note.usedAt = usedAt;
  return true;
}

/** Whoever reads the store can use no session. */
export function hashSessionId(id: string): string {
  return createHash("sha256").update(id).digest("hex");
}

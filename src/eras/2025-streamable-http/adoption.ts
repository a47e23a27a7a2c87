// A session that was opened without a token (`--auth optional`) and is then shown with one. Not every client begins
// anew at the 404 that would be due, so the session belongs to the first principal that shows it, and to no other.
// An attacker may have opened it and planted its id (session fixation, OWASP WSTG-SESS-03): nothing but the id and the
// handshake is carried over. Its calls and streams end before anything is done in the principal's name, the messages on
// them are forgotten, and the server process is the principal's own.
import type { SessionSetup } from "../../bridge/bridge.ts";
import type { Caller } from "../caller.ts";
import { tooManySessions } from "../error-response.ts";
import type { Sessions } from "../sessions.ts";
import type { StreamableSession } from "./streamable-session.ts";

/**
 * Ends the stranger's session with this id, in one step, so that the next caller finds it taken.
 *
 * @returns what goes on of it; `undefined` when there is no such session
 */
export function takeOrphan(
  id: string,
  caller: Caller,
  sessions: Sessions<StreamableSession>,
): SessionSetup | Response | undefined {
  const orphan = caller.key === "" ? undefined : sessions.findAnonymous(id);
  const setup = orphan?.note.setup;
  if (orphan === undefined || setup === undefined) return undefined;
  // It must not be lost because there is no room for it.
  if (!sessions.makeRoom(caller.key)) return tooManySessions();
  sessions.remove(orphan);
  orphan.close();
  const { initialize, isInitialized } = setup;
  return { initialize, isInitialized, logLevel: undefined, resources: new Set() };
}

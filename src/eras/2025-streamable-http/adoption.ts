// A session that was opened without a token (`--auth optional`) and is then shown with one. Not every client begins
// anew at the 404 that would be due, so the session belongs to the first principal that shows it, and to no other.
// An attacker may have opened it and planted its id (session fixation, OWASP WSTG-SESS-03): nothing but the id and the
// handshake is carried over. Its calls and streams end before anything is done in the principal's name, the messages on
// them are forgotten, and the server process is the principal's own.
import { ErrorCode } from "../../mcp/error-code.ts";
import { readMessages } from "../../frame/message.ts";
import { SERVER_MESSAGE } from "../../frame/names.ts";
import type { Caller } from "../caller.ts";
import { errorResponse } from "../error-response.ts";
import type { Sessions } from "../sessions.ts";
import type { Handshake, Inheritance, StreamableSession } from "./streamable-session.ts";

export interface Adoptions {
  /** The session with this id as the caller's own from now on; `undefined` when the caller cannot have it. */
  find(id: string, caller: Caller): Promise<StreamableSession | Response> | undefined;
  /** An anonymous session has ended because its process made room for another one: it can be adopted nevertheless. */
  keep(session: StreamableSession): void;
}

export interface AdoptionsOptions {
  sessions: Sessions<StreamableSession>;
  /** Opens a session of the caller's that cannot be found yet; its server has had no `initialize` on it. */
  open(caller: Caller, inherited: Inheritance): Promise<StreamableSession | Response>;
}

interface Adoption {
  readonly callerKey: string;
  readonly inherited: Inheritance;
  /** While it is under way. */
  opening: Promise<StreamableSession | Response> | undefined;
}

/** Adoptions that found no room, and are tried again when their principal comes again. */
const MOST_UNFINISHED = 100;
/** Sessions whose process made room, and that have not been adopted. */
const MOST_KEPT = 100;

export function createAdoptions({ sessions, open }: AdoptionsOptions): Adoptions {
  const adoptions = new Map<string, Adoption>();
  const kept = new Map<string, Handshake>();

  /** In one step, so that the next caller finds it taken. */
  function take(id: string, { key: callerKey }: Caller): Adoption | undefined {
    const orphan = sessions.takeAnonymous(id);
    const handshake = orphan?.handshake ?? kept.get(id);
    if (handshake === undefined) return undefined;
    kept.delete(id);
    orphan?.close();
    const adoption: Adoption = { callerKey, inherited: { id, ...handshake }, opening: undefined };
    putBounded(adoptions, id, adoption, MOST_UNFINISHED);
    return adoption;
  }

  async function begin({ inherited }: Adoption, caller: Caller): Promise<StreamableSession | Response> {
    const session = await open(caller, inherited);
    if (session instanceof Response) return session;
    if (!(await repeatHandshake(session, inherited))) {
      session.close();
      const message = "The MCP server did not begin. Try again in a moment.";
      return errorResponse({ status: 503, code: ErrorCode.refused, message });
    }
    adoptions.delete(inherited.id);
    sessions.add(session);
    return session;
  }

  return {
    find(id, caller) {
      if (caller.key === "") return undefined;
      const adoption = adoptions.get(id) ?? take(id, caller);
      if (adoption?.callerKey !== caller.key) return undefined;
      adoption.opening ??= begin(adoption, caller).finally(() => {
        adoption.opening = undefined;
      });
      // Several requests may wait for it, and a response can be sent once.
      return adoption.opening.then((found) =>
        found instanceof Response ? (found.clone() as Response) : found,
      );
    },
    keep({ id, handshake }) {
      if (handshake !== undefined) putBounded(kept, id, handshake, MOST_KEPT);
    },
  };
}

/** The oldest goes when there are too many. */
function putBounded<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  const [oldest] = map.keys();
  if (map.size >= most && oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}

/** Sends the server what the client has sent the one before. Nothing else that an anonymous caller can arrange would hold. */
function repeatHandshake(session: StreamableSession, inherited: Inheritance): Promise<boolean> {
  const { conversation, standalone } = session;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  conversation.call(inherited.initialize, {
    notify: standalone.send,
    respond(answer) {
      const isAccepted = isResult(answer);
      if (isAccepted && inherited.initialized !== undefined) conversation.send(inherited.initialized);
      resolve(isAccepted);
    },
    cancelled: () => resolve(false),
  });
  return promise;
}

function isResult(answer: Uint8Array): boolean {
  const reading = readMessages(answer, SERVER_MESSAGE);
  return "messages" in reading && reading.messages[0]?.kind === "result";
}

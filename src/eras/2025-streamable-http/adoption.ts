// A session that was opened without a token (`--auth optional`) and is then shown with one. Not every client begins
// anew at the 404 that would be due, so the first principal who shows it has it from then on, and nobody else does.
// Whoever opened it may have planted its id (session fixation, OWASP WSTG-SESS-03): nothing but the id and the
// handshake is carried over. Its calls and streams end before anything is done in the principal's name, what was said
// on them is forgotten, and the server process is the principal's own.
import { ErrorCode } from "../../frame/compose.ts";
import { readMessages } from "../../frame/message.ts";
import type { Caller } from "../era.ts";
import { refuse } from "../refusal.ts";
import type { Sessions } from "../sessions.ts";
import type { Handshake, StreamableSession } from "./session.ts";

export interface Adoptions {
  /** The session with this id as the caller's own from now on; `undefined` when the caller cannot have it. */
  find(id: string, caller: Caller): Promise<StreamableSession | Response> | undefined;
}

/** What goes on of a session under another principal. */
export interface Legacy extends Readonly<Handshake> {
  readonly id: string;
  /** How many streams it has had: those to come are numbered from there, so that none is taken for an old one. */
  readonly streams: number;
}

export interface AdoptionsOptions {
  sessions: Sessions<StreamableSession>;
  /** Opens a session of the caller's that nobody finds yet; the server has not been greeted on it. */
  open(caller: Caller, legacy: Legacy): Promise<StreamableSession | Response>;
}

interface Adoption {
  readonly principal: string;
  readonly legacy: Legacy;
  /** While it is under way. */
  opening: Promise<StreamableSession | Response> | undefined;
}

/** Adoptions that found no room, and are tried again when their principal comes again. */
const MOST_UNFINISHED = 100;

export function createAdoptions({ sessions, open }: AdoptionsOptions): Adoptions {
  const adoptions = new Map<string, Adoption>();

  /** All at once: whoever comes next finds it taken. */
  function take(id: string, { principal }: Caller): Adoption | undefined {
    const orphan = sessions.takeAnonymous(id);
    if (orphan?.handshake === undefined) return undefined;
    orphan.close();
    const legacy = { id, ...orphan.handshake, streams: orphan.streams.count() };
    const adoption: Adoption = { principal, legacy, opening: undefined };
    const [oldest] = adoptions.keys();
    if (adoptions.size >= MOST_UNFINISHED && oldest !== undefined) adoptions.delete(oldest);
    adoptions.set(id, adoption);
    return adoption;
  }

  async function begin({ legacy }: Adoption, caller: Caller): Promise<StreamableSession | Response> {
    const session = await open(caller, legacy);
    if (session instanceof Response) return session;
    if (!(await greet(session, legacy))) {
      session.close();
      return refuse(503, ErrorCode.refused, "The MCP server did not begin. Try again in a moment.");
    }
    adoptions.delete(legacy.id);
    sessions.add(session);
    return session;
  }

  return {
    find(id, caller) {
      if (caller.principal === "") return undefined;
      const adoption = adoptions.get(id) ?? take(id, caller);
      if (adoption?.principal !== caller.principal) return undefined;
      adoption.opening ??= begin(adoption, caller).finally(() => {
        adoption.opening = undefined;
      });
      return adoption.opening;
    },
  };
}

/** Tells the server what the client has told the one before. Strangers can arrange nothing else that would hold. */
function greet({ conversation, loose }: StreamableSession, legacy: Legacy): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  conversation.call(legacy.initialize, {
    precede: loose.send,
    finish(answer) {
      const isWelcome = isResult(answer);
      if (isWelcome && legacy.initialized !== undefined) conversation.tell(legacy.initialized);
      resolve(isWelcome);
    },
    drop: () => resolve(false),
  });
  return promise;
}

function isResult(answer: Uint8Array): boolean {
  const reading = readMessages(answer);
  return "messages" in reading && reading.messages[0]?.kind === "result";
}

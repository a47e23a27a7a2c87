// A session that was opened without a token (`--auth optional`) and is then shown with one. Not every client begins
// anew at the 404 that would be due, so the first principal who shows it has it from then on, and nobody else does.
// Whoever opened it may have planted its id (session fixation, OWASP WSTG-SESS-03): nothing but the id and the
// handshake is carried over. Its calls and streams end before anything is done in the principal's name, what was said
// on them is forgotten, and the server process is the principal's own.
import { ErrorCode } from "../../mcp/error-code.ts";
import { readMessages } from "../../frame/message.ts";
import { SERVER_MESSAGE } from "../../frame/names.ts";
import type { Caller } from "../caller.ts";
import { refuse } from "../error-response.ts";
import type { Streams } from "../streams/event-stream.ts";
import type { Sessions } from "../sessions.ts";
import type { Handshake, StreamableSession } from "./session.ts";

export interface Adoptions {
  /** The session with this id as the caller's own from now on; `undefined` when the caller cannot have it. */
  find(id: string, caller: Caller): Promise<StreamableSession | Response> | undefined;
  /** A stranger's session has ended because its process made room for somebody: it can be adopted nevertheless. */
  keep(session: StreamableSession): void;
}

/** What goes on of a session under another principal. */
export interface Inheritance extends Readonly<Handshake> {
  readonly id: string;
}

export interface AdoptionsOptions {
  sessions: Sessions<StreamableSession>;
  /** Opens a session of the caller's that nobody finds yet; the server has not been greeted on it. */
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
/** Sessions whose process made room, and that nobody has adopted. */
const MOST_KEPT = 100;

export function createAdoptions({ sessions, open }: AdoptionsOptions): Adoptions {
  const adoptions = new Map<string, Adoption>();
  const kept = new Map<string, Handshake>();

  /** All at once: whoever comes next finds it taken. */
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
    if (!(await greet(session, inherited))) {
      session.close();
      return refuse(503, ErrorCode.refused, "The MCP server did not begin. Try again in a moment.");
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
      return adoption.opening;
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

/** Before the number of every event that is told after the adoption: none of before may be taken for one of these. */
const MARK = "a";

export function markEvents(streams: Streams): Streams {
  return {
    ...streams,
    open(...words) {
      const stream = streams.open(...words);
      return {
        ...stream,
        send: (message, id) => stream.send(message, id && MARK + id),
        prime: (id) => stream.prime(MARK + id),
      };
    },
  };
}

/** An event of an adopted session as its streams know it; `null` for one that was told before. */
export function unmarkEvent(lastEventId: string | null): string | null {
  return lastEventId?.startsWith(MARK) ? lastEventId.slice(MARK.length) : null;
}

/** Tells the server what the client has told the one before. Strangers can arrange nothing else that would hold. */
function greet({ conversation, loose }: StreamableSession, inherited: Inheritance): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  conversation.call(inherited.initialize, {
    notify: loose.send,
    respond(answer) {
      const isWelcome = isResult(answer);
      if (isWelcome && inherited.initialized !== undefined) conversation.send(inherited.initialized);
      resolve(isWelcome);
    },
    cancelled: () => resolve(false),
  });
  return promise;
}

function isResult(answer: Uint8Array): boolean {
  const reading = readMessages(answer, SERVER_MESSAGE);
  return "messages" in reading && reading.messages[0]?.kind === "result";
}

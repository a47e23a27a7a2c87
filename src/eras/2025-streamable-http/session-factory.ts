// Makes the sessions of streamable HTTP: those that begin, and those that go on.
import type { Bridge, LastingClient, LastingConversation } from "../../bridge/bridge.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import { isResumable } from "../../mcp/revisions.ts";
import { isAnonymous, type Caller } from "../caller.ts";
import { serversBusy, tooManySessions } from "../error-response.ts";
import { noteUse, type SessionNote } from "../notes/session-note.ts";
import type { SessionNotes } from "../notes/session-notes.ts";
import type { Sessions } from "../sessions.ts";
import type { EventStreams } from "../streams/event-stream.ts";
import type { Retention } from "../streams/retention.ts";
import { markEvents } from "./event-mark.ts";
import type { StreamableSession } from "./streamable-session.ts";
import { createSessionStreams } from "./session-streams.ts";
import { createStandaloneStream } from "./standalone-stream.ts";

export interface SessionFactory {
  /** Opens a session that cannot be found yet. */
  open(caller: Caller, initialize: Message): Promise<StreamableSession | Response>;
  /** Goes on with a session, which can be found from now on. No process serves it yet. */
  resume(caller: Caller, note: SessionNote): StreamableSession | Response;
}

export interface SessionFactoryOptions {
  bridge: Bridge;
  sessions: Sessions<StreamableSession>;
  streams: EventStreams;
  retention: Retention;
  /** Absent: a session ends with its object. */
  notes: SessionNotes | undefined;
  now(): number;
  random(bytes: number): Uint8Array;
}

/** Kept for a client that does not listen; the oldest goes first. */
const UNHEARD = { count: 100, bytes: 1024 * 1024 };
/** Sessions of strangers: all of them are one caller, and what each has said stays in memory. */
const MOST_OF_STRANGERS = 100;
const MARK_BYTES = 6;

export function createSessionFactory(options: SessionFactoryOptions): SessionFactory {
  const { bridge, sessions, now, random } = options;

  const makeRoom = (caller: Caller) =>
    sessions.makeRoom(caller.key, isAnonymous(caller) ? MOST_OF_STRANGERS : undefined);

  return {
    async open(caller, initialize) {
      const { key: callerKey, principal } = caller;
      const grantId = principal?.grantId;
      const id = sessions.newId();
      const note = { id, callerKey, grantId, setup: undefined, usedAt: now(), isForgotten: false };
      const { client, complete, abandon } = prepareSession({
        ...options,
        caller,
        note,
        initialize,
        mark: "",
      });
      const conversation = await bridge.openSession(withoutRequest(caller), initialize, client);
      if (conversation === undefined) {
        abandon();
        return serversBusy();
      }
      const session = complete(conversation);
      if (makeRoom(caller)) return session;
      session.close();
      return tooManySessions();
    },
    resume(caller, note) {
      const { setup } = note;
      if (setup === undefined) throw new Error("a session goes on before it has begun");
      if (!makeRoom(caller)) return tooManySessions();
      const mark = `${Buffer.from(random(MARK_BYTES)).toString("hex")}-`;
      const { initialize } = setup;
      const { client, complete } = prepareSession({ ...options, caller, note, initialize, mark });
      const session = complete(bridge.resumeSession(withoutRequest(caller), setup, client));
      sessions.add(session);
      return session;
    },
  };
}

interface Preparation extends SessionFactoryOptions {
  caller: Caller;
  note: SessionNote;
  initialize: Message;
  mark: string;
}

/** Everything of a session but its conversation, which is opened with the client's side of it. */
function prepareSession({ caller, note, initialize, mark, ...options }: Preparation) {
  const { sessions, streams, retention } = options;
  const { id, callerKey } = note;
  // Strangers could fill the store.
  const notes = isAnonymous(caller) ? undefined : options.notes;
  let session: StreamableSession | undefined;
  const counted = streams.countedBy((change) => session?.conversation.unread(change));
  const own = createSessionStreams({
    streams: mark === "" ? counted : markEvents(counted, mark),
    primes: isResumable(stringParam(initialize, "protocolVersion") ?? ""),
    retention,
    callerKey,
  });
  const standalone = createStandaloneStream(own, retention.open({ callerKey, ...UNHEARD }));
  let isOver = false;
  const client: LastingClient = {
    sendUnrelated: standalone.send,
    arranged(setup) {
      // A message that was on its way says nothing of the session's next life.
      if (isOver) return;
      note.setup = setup;
      notes?.keep(note);
    },
    closed() {
      isOver = true;
      if (session !== undefined) sessions.remove(session);
      standalone.close();
    },
  };

  function complete(conversation: LastingConversation): StreamableSession {
    session = {
      id,
      callerKey,
      get grantId() {
        return note.grantId;
      },
      conversation,
      streams: own,
      standalone,
      note,
      mark,
      isConnected: () => own.isConnected,
      isAtWork: () => conversation.pending > 0,
      used(at, grantId = note.grantId) {
        if (noteUse(note, grantId, at)) notes?.keep(note);
      },
      close: conversation.close,
    };
    return session;
  }

  return { client, complete, abandon: standalone.close };
}

/** A session lasts longer than the request it began with. */
function withoutRequest({ key, principal }: Caller): Pick<Caller, "key" | "principal"> {
  return { key, principal };
}

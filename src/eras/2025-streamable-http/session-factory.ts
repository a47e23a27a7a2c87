// Opens the sessions of streamable HTTP.
import type { Bridge } from "../../bridge/bridge.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import { isResumable } from "../../mcp/revisions.ts";
import { isAnonymous, type Caller } from "../caller.ts";
import { serversBusy, tooMany } from "../error-response.ts";
import type { Freshness } from "../freshness/freshness.ts";
import { followSession } from "../freshness/session-peer.ts";
import type { Sessions } from "../sessions.ts";
import type { EventStreams } from "../streams/event-stream.ts";
import type { Retention } from "../streams/retention.ts";
import type { ToolAccess } from "../tool-access.ts";
import { markEvents } from "./event-mark.ts";
import type { Inheritance, StreamableSession } from "./streamable-session.ts";
import { createSessionStreams } from "./session-streams.ts";
import { createStandaloneStream } from "./standalone-stream.ts";

export interface SessionFactoryOptions {
  bridge: Bridge;
  sessions: Sessions<StreamableSession>;
  streams: EventStreams;
  retention: Retention;
  toolAccess: ToolAccess;
  /** Absent where lists are not followed. */
  freshness: Freshness | undefined;
  /** Whether the way to the client lets an event stream through in answer to GET. */
  streamsGet: boolean;
  /** A session without a principal has ended because its process made room for another one. */
  orphaned(session: StreamableSession): void;
}

/** Kept for a client that does not listen; the oldest goes first. */
const UNHEARD = { count: 100, bytes: 1024 * 1024 };

/**
 * Opens a session that cannot be found yet.
 *
 * @param inherited of a session that goes on under this caller
 */
export type CreateStreamableSession = (
  caller: Caller,
  initialize: Message,
  inherited?: Inheritance,
) => Promise<StreamableSession | Response>;

export function createSessionFactory(options: SessionFactoryOptions): CreateStreamableSession {
  const { bridge, sessions, streams, retention, orphaned, toolAccess, freshness, streamsGet } = options;

  return async (caller, initialize, inherited) => {
    const primes = isResumable(stringParam(initialize, "protocolVersion") ?? "");
    const counted = streams.countedBy((change) => session.conversation.unread(change));
    const isAdopted = inherited !== undefined;
    const { key: callerKey } = caller;
    const own = createSessionStreams({
      streams: isAdopted ? markEvents(counted) : counted,
      primes,
      retention,
      callerKey,
    });
    const standalone = createStandaloneStream(own, retention.open({ callerKey, ...UNHEARD }));
    const conversation = await bridge.openSession(caller, initialize, {
      sendUnrelated: standalone.send,
      closed() {
        // A session that its client ends has been removed before.
        if (sessions.takeAnonymous(session.id) !== undefined) orphaned(session);
        sessions.remove(session);
        session.lists?.close();
        standalone.close();
      },
    });
    if (conversation === undefined) {
      standalone.close();
      return serversBusy();
    }
    const isConnected = () => own.isConnected;
    const send = streamsGet ? standalone.send : undefined;
    const session: StreamableSession = {
      id: inherited?.id ?? sessions.newId(),
      callerKey,
      conversation,
      streams: own,
      standalone,
      isAdopted,
      handshake: isAnonymous(caller) ? { initialize, initialized: undefined } : undefined,
      lists:
        freshness &&
        followSession(freshness, { caller, initialize, conversation, toolAccess, send, isConnected }),
      isConnected,
      isAtWork: () => conversation.pending > 0,
      close: conversation.close,
    };
    if (!sessions.makeRoom(callerKey)) {
      session.close();
      return tooMany("sessions are at work");
    }
    return session;
  };
}

// A session of streamable HTTP: its conversation with the server, and the streams that the client hears it on.
import type { LastingConversation } from "../../bridge/bridge.ts";
import type { Message } from "../../frame/message.ts";
import type { SessionLists } from "../freshness/session-peer.ts";
import type { HttpSession } from "../sessions.ts";
import type { SessionStreams } from "./session-streams.ts";
import type { StandaloneStream } from "./standalone-stream.ts";

export interface StreamableSession extends HttpSession {
  readonly conversation: LastingConversation;
  readonly streams: SessionStreams;
  /** Where messages go that belong to no POST. */
  readonly standalone: StandaloneStream;
  /** What becomes of the lists that its client fetches; absent where that is not followed. */
  readonly lists: SessionLists | undefined;
  /** It was opened without a token, and has been taken over by a principal. */
  readonly isAdopted: boolean;
  /** Of a session without a principal, for the one that signs in. */
  readonly handshake: Handshake | undefined;
}

/** The messages a client has begun with. */
export interface Handshake {
  readonly initialize: Message;
  /** `notifications/initialized`, once it has come. */
  initialized: Message | undefined;
}

/** The part of a session that goes on under another principal. */
export interface Inheritance extends Readonly<Handshake> {
  readonly id: string;
}

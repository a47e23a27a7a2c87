// A session of streamable HTTP: its conversation with the server, and the streams that the client hears it on.
import type { Conversation } from "../../bridge/bridge.ts";
import type { Message } from "../../frame/message.ts";
import type { Session } from "../sessions.ts";
import type { LooseEnd } from "./standalone-stream.ts";
import type { SessionStreams } from "./session-streams.ts";

export interface StreamableSession extends Session {
  readonly conversation: Conversation;
  readonly streams: SessionStreams;
  /** Where messages go that belong to no POST. */
  readonly loose: LooseEnd;
  /** It was a stranger's before. */
  readonly isAdopted: boolean;
  /** Of a session without a principal, for whoever signs in. */
  readonly handshake: Handshake | undefined;
}

/** What a client has begun with. */
export interface Handshake {
  readonly initialize: Message;
  /** `notifications/initialized`, once it has come. */
  initialized: Message | undefined;
}

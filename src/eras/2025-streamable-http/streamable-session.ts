// A session of streamable HTTP: its conversation with the server, and the streams that the client hears it on.
import type { LastingConversation } from "../../bridge/bridge.ts";
import type { SessionLists } from "../freshness/session-peer.ts";
import type { SessionNote } from "../notes/session-note.ts";
import type { HttpSession } from "../sessions.ts";
import type { SessionStreams } from "./session-streams.ts";
import type { StandaloneStream } from "./standalone-stream.ts";

export interface StreamableSession extends HttpSession {
  readonly conversation: LastingConversation;
  readonly streams: SessionStreams;
  /** Where messages go that belong to no POST. */
  readonly standalone: StandaloneStream;
  /** What it has said of itself. */
  readonly note: SessionNote;
  /** Stands before the ids of its events; empty where it has had no life before this one. */
  readonly mark: string;
  /** What becomes of the lists that its client fetches; absent where that is not followed. */
  readonly lists: SessionLists | undefined;
}

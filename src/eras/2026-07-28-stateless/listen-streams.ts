// Streams of `subscriptions/listen` that end because the program does, or because their caller has too many: a result
// as the last message shows the client that the end was meant, and not a broken connection.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
import type { Responder } from "../../bridge/bridge.ts";
import { composeListenResult } from "../../mcp/subscriptions.ts";
import { mostOf } from "../sessions.ts";

export interface ListenStream {
  /** The client's id of the request, as JSON text. */
  readonly id: string;
  readonly callerKey: string;
  readonly responder: Responder;
  /** Takes the request back at the server. */
  cancel(): void;
}

export interface ListenStreams {
  /** Notes a stream; the oldest one of its caller ends when there are too many. */
  add(stream: ListenStream): void;
  /** The stream has ended by itself, or its client has gone. */
  remove(stream: ListenStream): void;
  /** Ends every stream that is still open. */
  endAll(): void;
}

export function createListenStreams(): ListenStreams {
  /** Oldest first. */
  const open = new Set<ListenStream>();

  const end = (stream: ListenStream) => {
    if (!open.delete(stream)) return;
    stream.cancel();
    stream.responder.respond(composeListenResult(stream.id));
  };

  return {
    add(stream) {
      const own = [...open].filter(({ callerKey }) => callerKey === stream.callerKey);
      if (own.length >= mostOf(stream.callerKey)) end(own[0]!);
      open.add(stream);
    },
    remove: (stream) => void open.delete(stream),
    endAll() {
      for (const stream of open) end(stream);
    },
  };
}

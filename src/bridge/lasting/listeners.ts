// Clients without sessions that listen (`subscriptions/listen`), over the restarts of their server: the stream stays open,
// and is opened anew at the next process under the client's own request.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
import { composeError } from "../../frame/compose.ts";
import type { Message } from "../../frame/message.ts";
import { mentions } from "../../frame/splice.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { BridgeCaller, ClaimedServer, Responder, StatelessServer } from "../bridge.ts";
import type { Envelope } from "../envelope.ts";

export interface Listeners {
  /** A server as one listening client sees it. */
  open(server: StatelessServer, caller: BridgeCaller, envelope: Envelope): StatelessServer;
  /** The server is going to end, which ends no stream. */
  hold(): void;
  /** Goes on with all streams at the server's next process. */
  reopen(): Promise<void>;
}

export type FindServer = (caller: BridgeCaller, envelope: Envelope) => Promise<ClaimedServer | undefined>;

/** A stream, from the client's request to its end. */
interface Listener {
  readonly caller: BridgeCaller;
  readonly envelope: Envelope;
  readonly request: Message;
  readonly responder: Responder;
  /** Bytes that the client has not taken. */
  unread: number;
  server: StatelessServer;
  /** Ends the stream at the server. */
  end(): void;
  isHeld: boolean;
  isAcknowledged: boolean;
}

const ACKNOWLEDGED = '"notifications/subscriptions/acknowledged"';
const BUSY = "All server processes are busy. Try again in a moment.";

export function createListeners(findServer: FindServer): Listeners {
  const listeners = new Set<Listener>();

  /** What the server says to a listener, as long as it is this server that the stream is open at. */
  function createResponder(listener: Listener, server: StatelessServer): Responder {
    const { responder } = listener;
    const isCurrent = () => listeners.has(listener) && listener.server === server;
    const isOver = () => isCurrent() && !listener.isHeld && listeners.delete(listener);
    return {
      notify(message, isGuessed) {
        if (!isCurrent()) return;
        const isRepeated = listener.isAcknowledged && mentions(message, ACKNOWLEDGED);
        listener.isAcknowledged ||= mentions(message, ACKNOWLEDGED);
        if (!isRepeated) responder.notify(message, isGuessed);
      },
      respond: (answer, code) => void (isOver() && responder.respond(answer, code)),
      cancelled: () => void (isOver() && responder.cancelled()),
    };
  }

  function begin(listener: Listener, server: StatelessServer): void {
    listener.server = server;
    listener.isHeld = false;
    listener.end = server.call(listener.request, listener.envelope, createResponder(listener, server));
  }

  async function reopen(listener: Listener): Promise<void> {
    const server = await findServer(listener.caller, listener.envelope);
    if (listeners.has(listener) && listener.isHeld) {
      if (server === undefined) {
        listeners.delete(listener);
        return respondBusy(listener);
      }
      listener.server.unread(-listener.unread);
      server.unread(listener.unread);
      begin(listener, server);
    }
    server?.release();
  }

  return {
    open(server, caller, envelope) {
      let listener: Listener | undefined;
      return {
        tools: server.tools,
        call(request, _envelope, responder) {
          const own: Listener = {
            caller,
            envelope,
            request,
            responder,
            server,
            unread: 0,
            isHeld: false,
            isAcknowledged: false,
            end() {},
          };
          listener = own;
          listeners.add(own);
          begin(own, server);
          return () => {
            if (listeners.delete(own)) own.end();
          };
        },
        unread(change) {
          if (listener !== undefined) listener.unread += change;
          (listener?.server ?? server).unread(change);
        },
      };
    },
    hold() {
      for (const listener of listeners) listener.isHeld = true;
    },
    async reopen() {
      await Promise.all(Array.from(listeners, reopen));
    },
  };
}

function respondBusy({ request, responder }: Listener): void {
  responder.respond(composeError(request.id, ErrorCode.internal, BUSY), ErrorCode.internal);
}

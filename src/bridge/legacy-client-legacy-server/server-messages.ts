// Chooses the session that a request or notification of the server's goes to: the wire names neither session nor call.
import { composeError, composeNotification } from "../../frame/compose.ts";
import type { Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { BridgeOptions, Responder } from "../bridge.ts";
import { isLogged } from "../log-level.ts";
import { composeDeclined } from "../process/declined-request.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import type { ClientSession, SessionWaiter } from "../client-session.ts";
import type { ProcessToolCatalog } from "../tool-catalog.ts";
import type { Initialization } from "./initialization.ts";
import { createServerRequests, type OpenRequest } from "./server-requests.ts";
import type { SharedPreferences } from "./shared-preferences.ts";

export interface ServerMessages {
  request(message: Message): void;
  notification(message: Message): void;
  /** A session's answer to a request; false when it was not asked. */
  answer(answer: Message, session: ClientSession): boolean;
  /** The session has ended, and answers no more. */
  forget(session: ClientSession): void;
  /** Takes all requests back: their clients are told, and the server gets an answer. @param reason a sentence */
  withdraw(reason: string): void;
  /** The process is gone, and its requests with it. */
  lost(): void;
}

export interface ServerMessagesOptions extends Pick<BridgeOptions, "random"> {
  multiplexer: Pick<Multiplexer<SessionWaiter>, "calls" | "send">;
  /** Least recently used first. */
  sessions: ReadonlySet<ClientSession>;
  initialization: Pick<Initialization, "newest" | "refuse">;
  preferences: Pick<SharedPreferences, "subscribersOf">;
  tools: Pick<ProcessToolCatalog, "forget">;
  /** Whether clients of the other kind use the process, too. */
  isShared: boolean;
}

/** A session and, if the message came while a call was running, where that call answers. */
interface Addressee {
  readonly session: ClientSession;
  readonly responder: Responder | undefined;
}

const NO_CLIENT = "No client is connected.";
const TOO_MANY = "Too many requests wait for the client's answer.";

export function createServerMessages(options: ServerMessagesOptions): ServerMessages {
  const { multiplexer, sessions, initialization, preferences, tools, isShared } = options;
  const requests = createServerRequests<Addressee>(options.random);

  function findNewestCall(): Addressee | undefined {
    return multiplexer.calls.newest()?.waiter.call ?? initialization.newest();
  }

  /** The newest call is the best guess there is; without one, the session used last. */
  function chooseAddressee(): Addressee | undefined {
    const newest = findNewestCall();
    if (newest !== undefined) return newest;
    const session = [...sessions].at(-1);
    return session && { session, responder: undefined };
  }

  function logLine(message: Message): void {
    const newest = findNewestCall();
    const isAlone = sessions.size === 1 && !isShared;
    if (isAlone || newest !== undefined) {
      const addressee = newest ?? chooseAddressee();
      if (addressee !== undefined && (isAlone || isLogged(message, addressee.session.logLevel))) {
        forward(message.bytes, addressee);
      }
      return;
    }
    for (const { client, logLevel } of sessions)
      if (isLogged(message, logLevel)) client.sendUnrelated(message.bytes);
  }

  return {
    request(message) {
      const addressee = chooseAddressee();
      const refusal = addressee && initialization.refuse(message, addressee.session);
      if (refusal !== undefined) return void multiplexer.send(refusal);
      const bytes = addressee && requests.open(message, addressee);
      if (bytes !== undefined) return forward(bytes, addressee!);
      const reason = addressee === undefined ? NO_CLIENT : TOO_MANY;
      multiplexer.send(composeError(message.id, ErrorCode.internal, reason));
    },
    notification(message) {
      switch (message.method) {
        case "notifications/cancelled": {
          const cancelled = requests.cancel(message);
          return cancelled && forward(cancelled.bytes, cancelled.addressee);
        }
        case "notifications/message":
          return logLine(message);
        case "notifications/resources/updated":
          return broadcast(message, preferences.subscribersOf(message));
        case "notifications/tools/list_changed":
          tools.forget();
          return broadcast(message, sessions);
        case "notifications/prompts/list_changed":
        case "notifications/resources/list_changed":
        case "notifications/elicitation/complete":
          return broadcast(message, sessions);
        default: {
          const addressee = chooseAddressee();
          return addressee && forward(message.bytes, addressee);
        }
      }
    },
    answer(answer, session) {
      const bytes = requests.answer(answer, (addressee) => addressee.session === session);
      if (bytes !== undefined) multiplexer.send(bytes);
      return bytes !== undefined;
    },
    forget(session) {
      for (const { id } of requests.drop((addressee) => addressee.session === session))
        multiplexer.send(composeError(id, ErrorCode.internal, "The client has gone."));
    },
    withdraw(reason) {
      for (const request of requests.drop(() => true)) takeBack(request, reason, multiplexer);
    },
    lost: () => void requests.drop(() => true),
  };
}

/** Tells both sides that a request is not to be answered any more. */
function takeBack(
  request: OpenRequest<Addressee>,
  reason: string,
  { send }: Pick<ServerMessagesOptions["multiplexer"], "send">,
): void {
  const params = { requestId: request.number, reason };
  forward(composeNotification("notifications/cancelled", params), request.addressee);
  send(composeDeclined(request, reason));
}

function forward(bytes: Uint8Array, { session, responder }: Addressee): void {
  if (responder !== undefined) responder.notify(bytes, true);
  else session.client.sendUnrelated(bytes);
}

function broadcast(message: Message, to: Iterable<ClientSession>): void {
  for (const { client } of to) client.sendUnrelated(message.bytes);
}

// The log level and the subscriptions of several sessions on one server process, where the server knows only one client:
// it keeps those that any of the sessions wants.
import { composeRequest } from "../../frame/compose.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import { isLogLevel, leastSevere } from "../../mcp/log-level.ts";
import type { HandshakeReplay } from "../process/handshake-replay.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import { hasSubscriptions, type ClientSession, type SessionWaiter } from "../client-session.ts";

export interface SharedPreferences {
  /**
   * Records what a request of a session's changes.
   *
   * @returns whether the server has to get the request; not if it must go on as it does for the sake of others
   */
  record(request: Message, session: ClientSession): boolean;
  /** Takes back what only this session wanted, which has ended. */
  release(session: ClientSession): void;
  /** Whether a session has subscribed to this resource. */
  isSubscribed(uri: string): boolean;
  /** Whether a session has subscribed to any. */
  isAwaited(): boolean;
  /** The sessions that a `notifications/resources/updated` is for. */
  subscribersOf(notification: Message): Iterable<ClientSession>;
}

export interface SharedPreferencesOptions {
  sessions: ReadonlySet<ClientSession>;
  multiplexer: Pick<Multiplexer<SessionWaiter>, "request" | "isSubscribedElsewhere">;
  handshake: HandshakeReplay;
}

export function createSharedPreferences(options: SharedPreferencesOptions): SharedPreferences {
  const { sessions, multiplexer, handshake } = options;
  const isSubscribed = (uri: string) => Array.from(sessions).some(({ resources }) => resources.has(uri));

  return {
    record(request, session) {
      switch (request.method) {
        case "logging/setLevel": {
          const level = stringParam(request, "level");
          // The server refuses what is not a level.
          if (!isLogLevel(level)) return true;
          session.logLevel = level;
          // One process has one level: the least severe that any session wants.
          return leastSevere(Array.from(sessions, ({ logLevel }) => logLevel)) === level;
        }
        case "resources/subscribe":
          session.resources.add(uriOf(request));
          return true;
        case "resources/unsubscribe": {
          const uri = uriOf(request);
          session.resources.delete(uri);
          return !isSubscribed(uri) && !multiplexer.isSubscribedElsewhere(uri);
        }
        default:
          return true;
      }
    },
    release({ resources }) {
      for (const uri of resources) {
        if (isSubscribed(uri)) continue;
        handshake.forgetResource(uri);
        if (multiplexer.isSubscribedElsewhere(uri)) continue;
        void multiplexer.request((number) => composeRequest(number, "resources/unsubscribe", { uri }), false);
      }
    },
    isSubscribed,
    isAwaited: () => hasSubscriptions(sessions),
    subscribersOf(notification) {
      const uri = uriOf(notification);
      const subscribers = [...sessions].filter(({ resources }) => resources.has(uri));
      // A server may send what no session has subscribed to, or name a part of it.
      return subscribers.length > 0 ? subscribers : sessions;
    },
  };
}

function uriOf(message: Message): string {
  return stringParam(message, "uri") ?? "";
}

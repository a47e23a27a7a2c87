// What several sessions on one server process want of it, where the server knows only one client:
// a log level, and resources to hear of.
import { stringParam, type Message } from "../../frame/message.ts";
import { isLogLevel, leastSevere } from "../../mcp/log-level.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import type { Session, SessionWaiter } from "../session.ts";

/**
 * Notes what a request changes in its session's wishes.
 *
 * @param elsewhere clients of another kind on the same process
 * @returns whether the server has to hear of it; not if it must go on as it does for the sake of others
 */
export function noteWish(
  session: Session,
  request: Message,
  sessions: Iterable<Session>,
  elsewhere: Pick<Multiplexer<SessionWaiter>, "isSubscribedElsewhere">,
): boolean {
  switch (request.method) {
    case "logging/setLevel": {
      const level = stringParam(request, "level");
      // What is no level is the server's to refuse.
      if (!isLogLevel(level)) return true;
      session.logLevel = level;
      // One process has one level: the least severe that any session wants.
      return leastSevere(Array.from(sessions, ({ logLevel }) => logLevel)) === level;
    }
    case "resources/subscribe":
      session.resources.add(uriOf(request));
      return true;
    case "resources/unsubscribe":
      session.resources.delete(uriOf(request));
      return !isSubscribed(uriOf(request), sessions) && !elsewhere.isSubscribedElsewhere(uriOf(request));
    default:
      return true;
  }
}

function uriOf(request: Message): string {
  return stringParam(request, "uri") ?? "";
}

/** Whether anybody has asked to hear of a resource. */
export function isSubscribedAtAll(sessions: Iterable<Session>): boolean {
  return Array.from(sessions).some(({ resources }) => resources.size > 0);
}

export function isSubscribed(uri: string, sessions: Iterable<Session>): boolean {
  return Array.from(sessions).some(({ resources }) => resources.has(uri));
}

// A client with sessions on a server with a handshake: nothing is translated. Several sessions of one
// client share the process, as the conversations of one desktop application do; the server sees one client.
import { composeError, composeRequest, composeResult } from "../../frame/compose.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { errorCode, readErrorCode, stringParam, type Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";
import type { ClientSide, Conversation, Responder } from "../bridge.ts";
import { createMultiplexer, type MultiplexerOptions, type OpenMultiplexer } from "../process/multiplexer.ts";
import { isLogged } from "../log-level.ts";
import { createQuestionTable } from "./server-requests.ts";
import { quoteError } from "../quote-error.ts";
import {
  createConversation,
  createSession,
  startCall,
  type Done,
  type Session,
  type SessionWaiter,
} from "../session.ts";
import { createHandshakeReplay, type HandshakeReplay } from "../process/handshake-replay.ts";
import { createFirstWelcome, underId, type Welcome } from "./initialize-result.ts";
import { isSubscribed, isSubscribedAtAll, noteWish } from "./shared-preferences.ts";
import { printable } from "../../printable.ts";

/** A server process that sessions can be opened on. */
export interface SessionHost {
  /** Calls in flight. */
  readonly pending: number;
  open(client: ClientSide): Conversation;
  isAlive(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

export type CellOptions = Pick<
  MultiplexerOptions,
  "hire" | "unread" | "onNoise" | "now" | "log" | "onServer" | "onStderr"
> & {
  /** Where the process is had from; absent for one that these clients alone use. */
  openHost?: OpenMultiplexer;
  /** What the process was greeted with, where that was not a client's own. */
  standing?: HandshakeReplay;
  welcome?: Welcome;
  /** A client has said something. */
  used(): void;
  /** The process is of no more use: to be closed. */
  gone(): void;
};

/** A session and, if the question came while a call was running, where that call answers. */
interface Addressee {
  session: Session;
  responder: Responder | undefined;
}

export function createLegacyOnLegacy(options: CellOptions): SessionHost {
  const { log, openHost = createMultiplexer, standing = createHandshakeReplay() } = options;
  /** Others than these sessions use the process. */
  const isShared = options.openHost !== undefined;
  const questions = createQuestionTable<Addressee>();
  // Least recently used first.
  const sessions = new Set<Session>();
  const host = openHost<SessionWaiter>({
    ...options,
    standing,
    question,
    notification,
    lost() {
      questions.drop(() => true);
      welcome.lost();
    },
    isAwaited: () => isSubscribedAtAll(sessions) || welcome.isAwaited(),
    wants: (uri) => isSubscribed(uri, sessions),
    welcomed: (answer) => welcome.welcomed(answer),
    gaveUp(refusal) {
      welcome.refused(refusal);
      options.gone();
    },
  });
  const welcome =
    options.welcome ??
    createFirstWelcome((session, request, responder, answer) => {
      const heard = (said: Message) => {
        if (said.kind === "error") log.warn(`The server refuses to begin: ${quoteError(said)}`);
        // A greeting that was refused must not come before the next client's own on the next process.
        else standing.note(request);
        answer(said);
      };
      startCall(host, session, request, responder, { answer: heard });
    });

  // ── what the server says of itself ──

  function question(message: Message): void {
    const addressee = chooseAddressee();
    const refusal = addressee && welcome.refusal(addressee.session, message);
    if (refusal !== undefined) return void host.send(refusal);
    const bytes = addressee && questions.open(message, addressee);
    if (bytes !== undefined) return forward(bytes, addressee!);
    const reason =
      addressee === undefined ? "No client is connected." : "Too many requests wait for the client's answer.";
    host.send(composeError(message.id, ErrorCode.internal, reason));
  }

  function findNewest(): Addressee | undefined {
    return host.calls.newest()?.waiter ?? welcome.newest();
  }

  /** The wire does not say which call a message belongs to; the newest one is the best guess there is. */
  function chooseAddressee(): Addressee | undefined {
    const newest = findNewest();
    if (newest !== undefined) return newest;
    const session = [...sessions].at(-1);
    return session && { session, responder: undefined };
  }

  function forward(bytes: Uint8Array, { session, responder }: Addressee): void {
    if (responder !== undefined) responder.notify(bytes, true);
    else session.client.sendUnrelated(bytes);
  }

  function notification(message: Message): void {
    switch (message.method) {
      case "notifications/cancelled": {
        const cancelled = questions.cancel(message);
        return cancelled && forward(cancelled.bytes, cancelled.addressee);
      }
      case "notifications/message":
        return logLine(message);
      case "notifications/resources/updated":
        return tellSessions(message, listenersOf(message));
      case "notifications/tools/list_changed":
      case "notifications/prompts/list_changed":
      case "notifications/resources/list_changed":
      case "notifications/elicitation/complete":
        return tellSessions(message, sessions);
      default: {
        const addressee = chooseAddressee();
        return addressee && forward(message.bytes, addressee);
      }
    }
  }

  function tellSessions(message: Message, to: Iterable<Session>): void {
    for (const session of to) session.client.sendUnrelated(message.bytes);
  }

  function listenersOf(message: Message): Iterable<Session> {
    const uri = stringParam(message, "uri") ?? "";
    const listeners = [...sessions].filter(({ resources }) => resources.has(uri));
    // A server may send what nobody has subscribed to, or name a part of what was.
    return listeners.length > 0 ? listeners : sessions;
  }

  function logLine(message: Message): void {
    const newest = findNewest();
    const isAlone = sessions.size === 1 && !isShared;
    if (isAlone || newest !== undefined) {
      const addressee = newest ?? chooseAddressee();
      if (addressee !== undefined && (isAlone || isLogged(message, addressee.session.logLevel))) {
        forward(message.bytes, addressee);
      }
      return;
    }
    tellSessions(
      message,
      [...sessions].filter(({ logLevel }) => isLogged(message, logLevel)),
    );
  }

  // ── what the clients say ──

  function call(session: Session, request: Message, done: Done, responder: Responder): void {
    if (request.method === "initialize") return welcome.greet(session, request, done, responder);
    // What others still want the server must go on doing; a session that no longer does is told so.
    if (!noteWish(session, request, sessions, host)) return done(composeResult(request.id, {}));
    standing.note(request);
    return pass(session, request, done, responder);
  }

  function pass(session: Session, request: Message, done: Done, responder: Responder): void {
    const { id } = request;
    startCall(host, session, request, responder, {
      answer: (answer) => done(underId(answer, id), errorCode(answer)),
      pass: (answer, at) =>
        done(splice(answer, [{ at, text: id }]), at.isError ? readErrorCode(answer) : undefined),
    });
  }

  function tell(session: Session, message: Message): void {
    if (message.kind !== "notification") {
      const answer = questions.answer(message, (addressee) => addressee.session === session);
      if (answer !== undefined) host.send(answer);
      else log.debug(`The client answered ${printable(message.id)}, which it was not asked; dropped.`);
      return;
    }
    // The server has been greeted once, however many sessions there are.
    if (message.method === "notifications/initialized" && standing.greeted) return;
    standing.note(message);
    host.send(message.bytes);
  }

  function ended(session: Session): void {
    sessions.delete(session);
    welcome.forget(session);
    for (const id of questions.drop((addressee) => addressee.session === session)) {
      host.send(composeError(id, ErrorCode.internal, "The client has gone."));
    }
    for (const uri of session.resources) {
      if (isSubscribed(uri, sessions)) continue;
      standing.forgetResource(uri);
      if (host.isWantedElsewhere(uri)) continue;
      void host.ask((number) => composeRequest(number, "resources/unsubscribe", { uri }), false);
    }
  }

  const conversations = new Set<Conversation>();

  return {
    get pending() {
      return host.calls.size;
    },
    open(client) {
      const session = createSession(client);
      sessions.add(session);
      const conversation = createConversation(
        session,
        host,
        {
          call: (request, done, responder) => call(session, request, done, responder),
          tell: (message) => tell(session, message),
          ended() {
            conversations.delete(conversation);
            ended(session);
          },
        },
        () => {
          if (sessions.delete(session)) sessions.add(session);
          options.used();
        },
      );
      conversations.add(conversation);
      return conversation;
    },
    isAlive: host.isAlive,
    async close() {
      for (const conversation of conversations) conversation.close();
      await host.close();
    },
  };
}

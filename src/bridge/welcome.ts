// What sessions that share a server process get in answer to `initialize`, which a server takes once.
import { composeError, ErrorCode } from "../frame/compose.ts";
import { findMember, stringParam, type Message } from "../frame/message.ts";
import { splice } from "../frame/splice.ts";
import type { Outlet } from "./bridge.ts";
import { parseSpan, type Capabilities } from "./envelope.ts";
import type { Done, Session } from "./session.ts";
import { lackingFor } from "./trip.ts";

export interface Welcome {
  greet(session: Session, request: Message, done: Done, outlet: Outlet): void;
  /** What the server is told when it asks a session's client what that client cannot answer; `id` is the question's. */
  refusal(session: Session, question: Message): Uint8Array | undefined;
  /** The server has answered a greeting that was sent to it when it started. */
  welcomed(answer: Message): void;
  /** The server has refused it. */
  refused(answer: Message): void;
  /** Whether a session waits for that. */
  isAwaited(): boolean;
  /** The session has ended. */
  forget(session: Session): void;
}

/**
 * The first session's own `initialize` goes to the server, and its answer to all: they have the same capabilities.
 *
 * @param start hands the request to the server and calls back with its answer
 */
export function createFirstWelcome(
  start: (session: Session, request: Message, outlet: Outlet, answered: (answer: Message) => void) => void,
): Welcome {
  let welcome: Promise<Message | undefined> | undefined;

  async function greet(session: Session, request: Message, done: Done, outlet: Outlet): Promise<void> {
    if (welcome === undefined) {
      const first = Promise.withResolvers<Message | undefined>();
      welcome = first.promise;
      const finish: Outlet["finish"] = (...answer) => (first.resolve(undefined), outlet.finish(...answer));
      return start(session, request, { ...outlet, finish }, (answer) => {
        first.resolve(answer.kind === "result" ? answer : undefined);
        done(underId(answer, request.id));
      });
    }
    const awaited = welcome;
    const answer = await awaited;
    if (answer !== undefined) return done(underId(answer, request.id));
    if (welcome === awaited) welcome = undefined;
    return greet(session, request, done, outlet);
  }

  return {
    greet: (...words) => void greet(...words),
    refusal: () => undefined,
    welcomed: () => {},
    refused: () => {},
    isAwaited: () => false,
    forget: () => {},
  };
}

/**
 * The server is greeted by us; each session is answered with what it said, and the revision that both know.
 *
 * @param agreeOn the revision of a session that asks for one with a server that speaks one
 */
export function createOwnWelcome(agreeOn: (asked: string, spoken: string) => string): Welcome {
  const waiting = new Map<Session, (answer: Message) => void>();
  const capabilities = new WeakMap<Session, Capabilities>();
  let welcome: Message | undefined;

  function write(answer: Message, request: Message): Uint8Array {
    const at = findMember(answer, answer.resultAt, "protocolVersion");
    const spoken = parseSpan(answer, at);
    const edits = [{ at: answer.idAt!, text: request.id }];
    if (at !== undefined && typeof spoken === "string") {
      const asked = stringParam(request, "protocolVersion") ?? "";
      edits.push({ at, text: JSON.stringify(agreeOn(asked, spoken)) });
    }
    return splice(answer.bytes, edits);
  }

  function answerAll(answer: Message): void {
    for (const answerOne of waiting.values()) answerOne(answer);
    waiting.clear();
  }

  return {
    greet(session, request, done) {
      const can = parseSpan(request, findMember(request, request.paramsAt, "capabilities"));
      capabilities.set(session, typeof can === "object" && can !== null ? (can as Capabilities) : {});
      if (welcome !== undefined) done(write(welcome, request));
      else waiting.set(session, (answer) => done(write(answer, request)));
    },
    refusal(session, question) {
      if (lackingFor(question, capabilities.get(session) ?? {}) === undefined) return undefined;
      const reason = "The client has not declared that it can answer this.";
      return composeError(question.id, ErrorCode.methodNotFound, reason);
    },
    welcomed(answer) {
      welcome = answer;
      answerAll(answer);
    },
    refused: answerAll,
    isAwaited: () => waiting.size > 0,
    forget: (session) => void waiting.delete(session),
  };
}

/** An answer of the server's as one client gets it. */
export function underId(answer: Message, id: string): Uint8Array {
  return splice(answer.bytes, [{ at: answer.idAt!, text: id }]);
}

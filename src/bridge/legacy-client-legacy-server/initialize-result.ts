// What sessions that share a server process get in answer to `initialize`, which a server takes once.
import { composeError } from "../../frame/compose.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { errorCode, findMember, stringParam, type Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";
import type { Responder } from "../bridge.ts";
import { parseSpan, type Capabilities } from "../envelope.ts";
import type { Done, Session } from "../session.ts";
import { lostReason } from "../process/call-table.ts";
import { composeUnable, lackingFor } from "../modern-client-legacy-server/parked-call.ts";

export interface Welcome {
  greet(session: Session, request: Message, done: Done, responder: Responder): void;
  /** What the server is told when it asks a session's client what that client cannot answer; `id` is the question's. */
  refusal(session: Session, question: Message): Uint8Array | undefined;
  /** The newest session that waits for its answer, and where it gets it: whom the server may be speaking to. */
  newest(): { session: Session; responder: Responder } | undefined;
  /** The server has answered a greeting that was sent to it when it started. */
  welcomed(answer: Message): void;
  /** The server has refused it. */
  refused(answer: Message): void;
  /** The process is gone; whoever waits is told. */
  lost(): void;
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
  start: (
    session: Session,
    request: Message,
    responder: Responder,
    answered: (answer: Message) => void,
  ) => void,
): Welcome {
  let welcome: Promise<Message | undefined> | undefined;

  async function greet(session: Session, request: Message, done: Done, responder: Responder): Promise<void> {
    if (welcome === undefined) {
      const first = Promise.withResolvers<Message | undefined>();
      welcome = first.promise;
      const respond: Responder["respond"] = (...answer) => (
        first.resolve(undefined),
        responder.respond(...answer)
      );
      return start(session, request, { ...responder, respond }, (answer) => {
        first.resolve(answer.kind === "result" ? answer : undefined);
        done(underId(answer, request.id), errorCode(answer));
      });
    }
    const awaited = welcome;
    const answer = await awaited;
    if (answer !== undefined) return done(underId(answer, request.id));
    if (welcome === awaited) welcome = undefined;
    return greet(session, request, done, responder);
  }

  return {
    greet: (...words) => void greet(...words),
    refusal: () => undefined,
    newest: () => undefined,
    welcomed: () => {},
    refused: () => {},
    lost: () => {},
    isAwaited: () => false,
    forget: () => {},
  };
}

/**
 * The server is greeted by us; each session is answered with what it said, and the revision that both know.
 *
 * @param negotiate the revision of a session that asks for one with a server that speaks one
 * @param arrived told that a session can hear what the server says
 */
export function createOwnWelcome(
  negotiate: (asked: string, spoken: string) => string,
  arrived: () => void,
): Welcome {
  let waiting: Waiting[] = [];
  const capabilities = new WeakMap<Session, Capabilities>();
  let welcome: Message | undefined;

  function write(answer: Message, { id, asked }: Waiting): Uint8Array {
    const at = findMember(answer, answer.resultAt, "protocolVersion");
    const spoken = parseSpan(answer, at);
    if (at === undefined || typeof spoken !== "string") return underId(answer, id);
    const revision = JSON.stringify(negotiate(asked, spoken));
    return splice(answer.bytes, [
      { at: answer.idAt!, text: id },
      { at, text: revision },
    ]);
  }

  function answerAll(compose: (one: Waiting) => Uint8Array, code?: number): void {
    for (const one of waiting.splice(0)) one.done(compose(one), code);
  }

  return {
    greet(session, request, done, responder) {
      const can = parseSpan(request, findMember(request, request.paramsAt, "capabilities"));
      capabilities.set(session, typeof can === "object" && can !== null ? (can as Capabilities) : {});
      const asked = stringParam(request, "protocolVersion") ?? "";
      waiting.push({ session, id: request.id, asked, done, responder });
      arrived();
      const known = welcome;
      if (known !== undefined) answerAll((one) => write(known, one));
    },
    newest: () => waiting.at(-1),
    refusal: (session, question) =>
      lackingFor(question, capabilities.get(session) ?? {}) && composeUnable(question.id),
    welcomed(answer) {
      welcome = answer;
      answerAll((one) => write(answer, one));
    },
    refused: (answer) => answerAll(({ id }) => underId(answer, id), errorCode(answer)),
    lost: () =>
      answerAll(
        ({ id }) => composeError(id, ErrorCode.internal, lostReason("ended before it answered")),
        ErrorCode.internal,
      ),
    isAwaited: () => waiting.length > 0,
    forget(session) {
      waiting = waiting.filter((one) => one.session !== session);
    },
  };
}

/** An `initialize` that has not been answered. */
interface Waiting {
  readonly session: Session;
  readonly id: string;
  /** The revision it asks for. */
  readonly asked: string;
  readonly done: Done;
  readonly responder: Responder;
}

/** An answer of the server's as one client gets it. */
export function underId(answer: Message, id: string): Uint8Array {
  return splice(answer.bytes, [{ at: answer.idAt!, text: id }]);
}

// The answer to `initialize` for sessions that share a server process: the server takes one, and every session gets an answer.
import { composeError } from "../../frame/compose.ts";
import { errorCode, findMember, stringParam, type Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";
import type { Log } from "../../log.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { negotiate } from "../../mcp/revisions.ts";
import { composeUndeclared, findMissingCapability } from "../client-capabilities.ts";
import { parseSpan, type ClientCapabilities } from "../envelope.ts";
import { lostReason } from "../process/call-table.ts";
import type { HandshakeReplay } from "../process/handshake-replay.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import { composePing } from "../process/own-requests.ts";
import { quoteError } from "../quote-error.ts";
import {
  notifyProgress,
  respondLost,
  respondTo,
  sendCall,
  underId,
  type ClientSession,
  type SessionCall,
  type SessionWaiter,
} from "../client-session.ts";

export interface Initialization {
  /** Answers a session's `initialize`, as soon as the server has answered one. */
  answer(request: Message, call: SessionCall): void;
  /** The error for a request of the server's that a session's client cannot answer; `undefined` when it can. */
  refuse(request: Message, session: ClientSession): Uint8Array | undefined;
  /** The newest `initialize` that waits: what the server says now may be meant for its client. */
  newest(): SessionCall | undefined;
  /** The server's answer to an `initialize` that its process was started with, or its refusal. */
  settle(answer: Message): void;
  /** The process is gone. */
  lost(): void;
  /** Whether a session waits for `settle`. */
  isAwaited(): boolean;
  /** The session has ended. */
  forget(session: ClientSession): void;
}

export interface ForwardedInitializationOptions {
  multiplexer: Multiplexer<SessionWaiter>;
  handshake: HandshakeReplay;
  log: Log;
}

/** The first session's own `initialize` goes to the server, and its answer to all: they have the same capabilities. */
export function createForwardedInitialization(options: ForwardedInitializationOptions): Initialization {
  const { multiplexer, handshake, log } = options;
  let first: ForwardedInitialize | undefined;
  /** Whether the process that gave the answer is gone. The next one may say something else. */
  let isOutdated = false;

  async function answer(request: Message, call: SessionCall): Promise<void> {
    // A process that is asleep is started by this, and says what it is.
    if (isOutdated && (await multiplexer.request(composePing)) === undefined)
      return respondLost("ended before it answered", { call });
    while (first !== undefined) {
      const forwarded = first;
      const result = await forwarded.result;
      if (result !== undefined) return respondTo(call, underId(result, call.id));
      // It has failed: the first session that has waited for it asks in its place.
      if (first === forwarded) first = undefined;
      if (call.session.isClosed) return;
    }
    forward(request, call);
  }

  function forward(request: Message, call: SessionCall): void {
    const { promise, resolve } = Promise.withResolvers<Message | undefined>();
    first = { session: call.session, result: promise, resolve };
    sendCall(multiplexer, request, {
      call,
      onResponse(answer) {
        if (answer.kind === "error") log.warn(`The server refuses to begin: ${quoteError(answer)}`);
        // An `initialize` that was refused must not come before the next client's own on the next process.
        else handshake.remember(request);
        resolve(answer.kind === "result" ? answer : undefined);
        respondTo(call, underId(answer, call.id), errorCode(answer));
      },
      onProgress: notifyProgress,
      onLost(how, waiter) {
        resolve(undefined);
        respondLost(how, waiter);
      },
    });
  }

  return {
    answer: (request, call) => void answer(request, call),
    refuse: () => undefined,
    newest: () => undefined,
    settle(answer) {
      if (first === undefined || answer.kind === "error") return;
      isOutdated = false;
      first = { ...first, result: Promise.resolve(answer) };
    },
    lost: () => void (isOutdated = handshake.initialize !== undefined),
    isAwaited: () => false,
    forget(session) {
      if (first?.session === session) first.resolve(undefined);
    },
  };
}

/**
 * The bridge has sent an `initialize` of its own; each session is answered with what the server said to it, and the
 * revision that both know.
 *
 * @param arrived to be called when a session can be sent what the server says
 * @param wake starts a process that has ended
 */
export function createOwnInitialization(arrived: () => void, wake: () => void): Initialization {
  let waiting: WaitingInitialize[] = [];
  const capabilities = new WeakMap<ClientSession, ClientCapabilities>();
  let result: Message | undefined;
  /** Whether a process has ended since. */
  let isOutdated = false;

  function respondToAll(compose: (one: WaitingInitialize) => Uint8Array, code?: number): void {
    for (const one of waiting.splice(0)) respondTo(one.call, compose(one), code);
  }

  function settle(answer: Message): void {
    isOutdated = false;
    if (answer.kind === "result") result = answer;
    respondToAll((one) => composeAnswer(answer, one), errorCode(answer));
  }

  return {
    answer(request, call) {
      const declared = parseSpan(request, findMember(request, request.paramsAt, "capabilities"));
      const isObject = typeof declared === "object" && declared !== null;
      capabilities.set(call.session, isObject ? (declared as ClientCapabilities) : {});
      waiting.push({ call, revision: stringParam(request, "protocolVersion") ?? "" });
      arrived();
      if (isOutdated) wake();
      else if (result !== undefined) settle(result);
    },
    refuse(request, session) {
      const missing = findMissingCapability(request, capabilities.get(session) ?? {});
      return missing && composeUndeclared(request.id);
    },
    newest: () => waiting.at(-1)?.call,
    settle,
    lost() {
      isOutdated = true;
      const reason = lostReason("ended before it answered");
      respondToAll(({ call }) => composeError(call.id, ErrorCode.internal, reason), ErrorCode.internal);
    },
    isAwaited: () => waiting.length > 0,
    forget(session) {
      waiting = waiting.filter(({ call }) => call.session !== session);
    },
  };
}

/** An `initialize` that has gone to the server in the name of all sessions. */
interface ForwardedInitialize {
  readonly session: ClientSession;
  /** `undefined` when the server has not answered it with a result. */
  readonly result: Promise<Message | undefined>;
  resolve(result: Message | undefined): void;
}

/** An `initialize` that has not been answered. */
interface WaitingInitialize {
  readonly call: SessionCall;
  /** The one it asks for. */
  readonly revision: string;
}

function composeAnswer(answer: Message, { call, revision }: WaitingInitialize): Uint8Array {
  const at = findMember(answer, answer.resultAt, "protocolVersion");
  const spoken = parseSpan(answer, at);
  if (at === undefined || typeof spoken !== "string") return underId(answer, call.id);
  return splice(answer.bytes, [
    { at: answer.idAt!, text: call.id },
    { at, text: JSON.stringify(negotiate(revision, spoken)) },
  ]);
}

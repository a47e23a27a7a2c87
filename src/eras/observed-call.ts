// One call that is observed: sees its answer go by and passes on what becomes of the call.
import type { Responder } from "../bridge/bridge.ts";
import { isToolError } from "../frame/answer.ts";
import type { Message } from "../frame/message.ts";
import { readMembers } from "../frame/scan.ts";
import type { CallObserver, CallOutcome, CallSpan, OutcomeKind } from "./call.ts";
import type { Delivery } from "./delivery.ts";

/** The calls in one POST. */
export interface PostCalls {
  /** A call goes to the server. @returns where its answer goes */
  admit(message: Message, responder: Responder): Responder;
  /** The calls have been taken back at the server, or their client has gone. */
  cancel(): void;
  /** The POST has been answered: a call that was not admitted was refused. */
  settle(status: number): void;
}

/** The call as one observer follows it. */
export interface Watch {
  readonly observer: CallObserver;
  readonly span: CallSpan;
}

export interface ObservedCallOptions {
  method: string;
  watches: readonly Watch[];
  delivery: Delivery;
  now(): number;
}

type CallEnd = Omit<CallOutcome, "ms">;

const CANCELLED: CallEnd = { kind: "cancelled", code: undefined, status: undefined, size: 0 };

export function createObservedCall({ method, watches, delivery, now }: ObservedCallOptions): PostCalls {
  const begun = now();
  let isAdmitted = false;
  let isOver = false;

  function end({ kind, code, status, size }: CallEnd): void {
    if (isOver) return;
    isOver = true;
    const outcome: CallOutcome = { kind, code, status, size, ms: now() - begun };
    for (const { observer, span } of watches) delivery.queue(observer, () => span.end(outcome));
  }

  return {
    admit(_message, responder) {
      isAdmitted = true;
      return {
        notify: watches.some(hearsSteps) ? watchSteps(watches, delivery, responder) : responder.notify,
        respond(answer, code) {
          // Before the answer goes on, since the end of its stream looks like a client that has gone.
          end(describeAnswer(method, answer, code));
          responder.respond(answer, code);
        },
        cancelled() {
          end(CANCELLED);
          responder.cancelled();
        },
      };
    },
    cancel: () => end(CANCELLED),
    settle(status) {
      if (!isAdmitted) end({ ...CANCELLED, kind: "refused", status });
    },
  };
}

function describeAnswer(method: string, answer: Uint8Array, code: number | undefined): CallEnd {
  const isFailed = code === undefined && method === "tools/call" && isToolError(answer);
  const kind: OutcomeKind = code !== undefined ? "error" : isFailed ? "tool-error" : "result";
  // Some servers write errors without a code.
  return { kind, code: Number.isNaN(code) ? undefined : code, status: undefined, size: answer.length };
}

function hearsSteps({ span }: Watch): boolean {
  return span.notified !== undefined || span.asked !== undefined;
}

function watchSteps(
  watches: readonly Watch[],
  delivery: Delivery,
  responder: Responder,
): Responder["notify"] {
  return (step, isGuessed) => {
    responder.notify(step, isGuessed);
    const isRequest = readMembers(step)?.has("id");
    for (const { observer, span } of watches) {
      // A copy, since the message itself may still be on its way.
      const own = step.slice();
      delivery.queue(observer, () => (isRequest ? span.asked?.(own) : span.notified?.(own)));
    }
  };
}

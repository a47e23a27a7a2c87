// One call that is observed: sees its answer go by and passes on what becomes of the call.
import type { Responder } from "../../bridge/bridge.ts";
import { isToolError } from "../../frame/answer.ts";
import type { Message } from "../../frame/message.ts";
import { readMembers } from "../../frame/scan.ts";
import type { CallObserver, CallOutcome, CallSpan, OutcomeKind } from "./call-observer.ts";
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

export function createObservedCall({ method, watches, delivery, now }: ObservedCallOptions): PostCalls {
  const begun = now();
  let isAdmitted = false;
  let isOver = false;

  function end(kind: OutcomeKind, size: number, code?: number, status?: number): void {
    if (isOver) return;
    isOver = true;
    const outcome: CallOutcome = { kind, code, status, size, ms: now() - begun };
    for (const { observer, span } of watches) delivery.queue(observer, span, span.end, outcome);
  }

  return {
    admit(_message, responder) {
      isAdmitted = true;
      return {
        notify: watches.some(hearsSteps) ? watchSteps(watches, delivery, responder) : responder.notify,
        respond(answer, code) {
          // Before the answer goes on, since the end of its stream looks like a client that has gone. Some servers write
          // errors without a code.
          end(kindOf(method, answer, code), answer.length, Number.isNaN(code) ? undefined : code);
          responder.respond(answer, code);
        },
        cancelled() {
          end("cancelled", 0);
          responder.cancelled();
        },
      };
    },
    cancel: () => end("cancelled", 0),
    settle(status) {
      if (!isAdmitted) end("refused", 0, undefined, status);
    },
  };
}

function kindOf(method: string, answer: Uint8Array, code: number | undefined): OutcomeKind {
  if (code !== undefined) return "error";
  return method === "tools/call" && isToolError(answer) ? "tool-error" : "result";
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
      const hear = isRequest ? span.asked : span.notified;
      if (hear !== undefined) delivery.queue(observer, span, hear, own);
    }
  };
}

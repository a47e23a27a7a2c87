// Calls of one session that wait until a process goes on with it.
import { composeError } from "../../frame/compose.ts";
import type { Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { Responder } from "../bridge.ts";

export interface WaitingCalls {
  readonly size: number;
  /** Makes the call when there is a process for it. */
  add(request: Message, responder: Responder): void;
  /** The client has cancelled it; false when no such call waits. @param id as JSON text */
  cancel(id: string): boolean;
}

export interface WaitingCallsOptions {
  /** Has a process go on with the session. @returns false when every process allowed is busy */
  attach(): Promise<boolean>;
  /** Makes a call, or answers it with the reason why it cannot be made. */
  make(request: Message, responder: Responder): void;
}

const BUSY = "All server processes are busy. Try again in a moment.";

export function createWaitingCalls({ attach, make }: WaitingCallsOptions): WaitingCalls {
  const waiting = new Map<string, Responder>();

  async function wait(request: Message, responder: Responder): Promise<void> {
    const { id } = request;
    waiting.set(id, responder);
    const hasRoom = await attach();
    // It was cancelled meanwhile.
    if (waiting.get(id) !== responder) return;
    waiting.delete(id);
    if (hasRoom) make(request, responder);
    else responder.respond(composeError(id, ErrorCode.internal, BUSY), ErrorCode.internal);
  }

  return {
    get size() {
      return waiting.size;
    },
    add(request, responder) {
      if (!waiting.has(request.id)) return void wait(request, responder);
      const reason = `The id ${request.id} belongs to a call that has not been answered yet.`;
      const code = ErrorCode.invalidRequest;
      responder.respond(composeError(request.id, code, reason), code);
    },
    cancel(id) {
      const responder = waiting.get(id);
      waiting.delete(id);
      responder?.cancelled();
      return responder !== undefined;
    },
  };
}

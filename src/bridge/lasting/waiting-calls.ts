// Calls of one session that wait until a process goes on with it.
import { composeError } from "../../frame/compose.ts";
import type { Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { Responder } from "../bridge.ts";
import type { RoomOfCaller } from "./waiting-room.ts";

export interface WaitingCalls {
  readonly size: number;
  /** Makes the call when there is a process for it. */
  add(request: Message, responder: Responder): void;
  /** The client has cancelled it; false when no such call waits. @param id as JSON text */
  cancel(id: string): boolean;
  /** None of them is made. @param reason a sentence for their client */
  close(reason: string): void;
}

export interface WaitingCallsOptions {
  room: RoomOfCaller;
  /** Has a process go on with the session. @returns false when every process allowed is busy */
  attach(): Promise<boolean>;
  /** Makes a call, or answers it with the reason why it cannot be made. */
  make(request: Message, responder: Responder): void;
}

const BUSY = "All server processes are busy. Try again in a moment.";

export function createWaitingCalls({ attach, make, room }: WaitingCallsOptions): WaitingCalls {
  const waiting = new Map<string, WaitingCall>();

  async function wait(request: Message, responder: Responder): Promise<void> {
    const { id } = request;
    const leave = room.enter(request.bytes.length);
    if (leave === undefined) return fail(id, responder, BUSY);
    const call = { responder, leave };
    waiting.set(id, call);
    const hasRoom = await attach();
    // It was cancelled meanwhile.
    if (waiting.get(id) !== call) return;
    waiting.delete(id);
    leave();
    if (hasRoom) make(request, responder);
    else fail(id, responder, BUSY);
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
      const call = waiting.get(id);
      waiting.delete(id);
      call?.leave();
      call?.responder.cancelled();
      return call !== undefined;
    },
    close(reason) {
      const calls = [...waiting];
      waiting.clear();
      for (const [id, { responder, leave }] of calls) {
        leave();
        fail(id, responder, reason);
      }
    },
  };
}

interface WaitingCall {
  readonly responder: Responder;
  /** Gives its share of the room back. */
  leave(): void;
}

function fail(id: string, responder: Responder, reason: string): void {
  responder.respond(composeError(id, ErrorCode.internal, reason), ErrorCode.internal);
}

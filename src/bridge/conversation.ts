// One client talking to one server process. Both sides see ids of ours; everything else in a message
// stays as it was written. Decides which messages of the server's belong to which call.
import { composeError, ErrorCode } from "../frame/compose.ts";
import { findMember, rawParam, splice, type Message } from "../frame/message.ts";
import type { BridgeOptions, ClientSide, Conversation, Hire, Outlet } from "./bridge.ts";
import { createCallTable, type Call } from "./calls.ts";
import { createQuestionTable } from "./questions.ts";
import { createServer } from "./server.ts";
import { createStanding } from "./standing.ts";

export interface ConversationOptions extends BridgeOptions {
  hire: Hire;
  client: ClientSide;
  /** The client has said something. */
  used(): void;
}

export function createConversation(options: ConversationOptions): Conversation {
  const { client, log, used } = options;
  const standing = createStanding();
  const questions = createQuestionTable();
  const server = createServer({
    ...options,
    standing,
    receive,
    lost(how) {
      questions.clear();
      for (const call of calls.drain()) {
        refuse(call, `The MCP server ${how} before it answered. It is being restarted; try again.`);
      }
    },
    tooLarge(number, length) {
      const call = calls.get(number);
      if (call !== undefined) refuse(call, `The MCP server's answer was too large (${length} bytes).`);
    },
    gaveUp: () => void close(),
  });
  const calls = createCallTable(server.nextNumber);
  let closing: Promise<void> | undefined;

  function receive(message: Message): void {
    switch (message.kind) {
      case "request":
        return receiveQuestion(message);
      case "notification":
        return receiveNotification(message);
      default: {
        const call = calls.get(Number(message.id));
        if (call === undefined)
          return log.debug(`The server answered ${message.id}, which nobody waits for; dropped.`);
        calls.close(call);
        call.outlet.finish(splice(message.bytes, [{ at: message.idAt!, text: call.id }]));
      }
    }
  }

  function receiveQuestion(message: Message): void {
    const outlet = calls.newest()?.outlet;
    const bytes = questions.open(message, outlet);
    if (bytes !== undefined) return forward(bytes, outlet);
    server.send(
      composeError(message.id, ErrorCode.internal, "Too many requests wait for the client's answer."),
    );
  }

  function receiveNotification(message: Message): void {
    switch (message.method) {
      case "notifications/progress": {
        const at = findMember(message, message.paramsAt, "progressToken");
        const call = calls.get(Number(rawParam(message, "progressToken")));
        if (at === undefined || call?.progressToken === undefined) return;
        return call.outlet.precede(splice(message.bytes, [{ at, text: call.progressToken }]));
      }
      case "notifications/cancelled": {
        const cancelled = questions.cancel(message);
        return cancelled && forward(cancelled.bytes, cancelled.outlet);
      }
      case "notifications/tools/list_changed":
      case "notifications/prompts/list_changed":
      case "notifications/resources/list_changed":
      case "notifications/resources/updated":
        return client.loose(message.bytes);
      default:
        return forward(message.bytes, calls.newest()?.outlet);
    }
  }

  function forward(bytes: Uint8Array, outlet: Outlet | undefined): void {
    if (outlet !== undefined) outlet.precede(bytes);
    else client.loose(bytes);
  }

  function refuse(call: Call, reason: string): void {
    calls.close(call);
    call.outlet.finish(composeError(call.id, ErrorCode.internal, reason));
  }

  function cancel(notification: Message): void {
    const at = findMember(notification, notification.paramsAt, "requestId");
    const call = calls.find(rawParam(notification, "requestId") ?? "");
    if (at === undefined || call === undefined) return;
    calls.close(call);
    server.send(splice(notification.bytes, [{ at, text: String(call.number) }]));
    call.outlet.drop();
  }

  function answer(message: Message): void {
    const bytes = questions.answer(message);
    if (bytes !== undefined) server.send(bytes);
    else log.debug(`The client answered ${message.id}, which nobody asked; dropped.`);
  }

  function close(): Promise<void> {
    if (closing === undefined) {
      closing = server.close();
      for (const call of calls.drain()) call.outlet.drop();
      client.closed();
    }
    return closing;
  }

  return {
    get pending() {
      return calls.size;
    },
    call(request, outlet) {
      used();
      const opened = calls.open(request, outlet);
      if (opened === undefined) {
        const reason = `The id ${request.id} belongs to a call that has not been answered yet.`;
        return outlet.finish(composeError(request.id, ErrorCode.invalidRequest, reason));
      }
      standing.note(request);
      if (!server.send(opened.bytes))
        refuse(opened.call, "The MCP server is not running, and too much waits for it.");
    },
    tell(message) {
      used();
      if (message.kind !== "notification") return answer(message);
      if (message.method === "notifications/cancelled") return cancel(message);
      standing.note(message);
      server.send(message.bytes);
    },
    answers: (ms) => server.answers(ms),
    close,
  };
}

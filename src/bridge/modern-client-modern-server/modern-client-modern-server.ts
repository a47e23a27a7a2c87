// Clients without sessions on a server without: only ids, progress tokens and subscription ids are changed, for the
// clients share one pipe.
import { composeError } from "../../frame/compose.ts";
import { errorCode, findMember, rawParam, type Message } from "../../frame/message.ts";
import { mentions, splice, type Edit } from "../../frame/splice.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { META } from "../../mcp/meta.ts";
import { isServedStateless } from "../../mcp/revisions.ts";
import { composeListenResult } from "../../mcp/subscriptions.ts";
import { printable } from "../../printable.ts";
import type { StatelessAdapter, StatelessAdapterOptions } from "../adapter.ts";
import type { Responder } from "../bridge.ts";
import { parseSpan, type Envelope } from "../envelope.ts";
import { isLogged } from "../log-level.ts";
import { lostReason, type PendingCall, type Waiter } from "../process/call-table.ts";
import { createHandshakeReplay } from "../process/handshake-replay.ts";
import { createMultiplexer, type Multiplexer } from "../process/multiplexer.ts";
import { composeDiscover } from "../process/own-requests.ts";
import { refuseRemoved } from "../removed-methods.ts";
import { catalogStatelessTools } from "../tool-catalog.ts";

/** Waits at the server for a client's request. */
interface RequestWaiter extends Waiter {
  readonly request: Message;
  readonly envelope: Envelope;
  readonly responder: Responder;
}

export function createModernOnModern(options: StatelessAdapterOptions): StatelessAdapter {
  const { envelope, used, log } = options;
  const { openMultiplexer = createMultiplexer } = options.shared ?? {};
  const multiplexer: Multiplexer<RequestWaiter> = openMultiplexer<RequestWaiter>({
    ...options,
    handshake: createHandshakeReplay(),
    aliveRequest: composeDiscover,
    // In this revision a server asks in its answers.
    onRequest: ({ id }) =>
      void multiplexer.send(composeError(id, ErrorCode.methodNotFound, "The client takes no requests.")),
    onNotification,
    onLost: () => tools.lost(),
    isAwaited: () => false,
    onRefused: options.gone,
  });
  const tools = catalogStatelessTools(multiplexer, options.now, () => envelope);

  function onNotification(message: Message): void {
    if (message.method === "notifications/tools/list_changed") tools.forget();
    const subscription = rawParam(message, "_meta", META.subscription);
    if (subscription !== undefined) return notifySubscriber(message, find(subscription));
    switch (message.method) {
      case "notifications/message":
        return logLine(message, multiplexer);
      case "notifications/cancelled": {
        const call = find(rawParam(message, "requestId"));
        if (call === undefined) return;
        multiplexer.forget(call);
        return call.waiter.responder.respond(composeListenResult(call.waiter.request.id));
      }
      default:
        log.debug(`The server sent ${printable(message.method)}, which names no request; dropped.`);
    }
  }

  function find(number: string | undefined): PendingCall<RequestWaiter> | undefined {
    return [...multiplexer.calls.all()].find((call) => String(call.number) === number);
  }

  function start(request: Message, caller: Envelope, responder: Responder): () => void {
    const isListening = request.method === "subscriptions/listen";
    const waiter = { request, envelope: caller, responder, isListening, onResponse, onProgress, onLost };
    const call = multiplexer.start(request, waiter);
    return () => {
      if (find(String(call.number)) !== undefined) multiplexer.cancel(call);
    };
  }

  return {
    get pending() {
      return multiplexer.calls.size;
    },
    serve: () => ({
      call(request, caller, responder) {
        used();
        return refuseRemoved(request, responder) ? () => {} : start(request, caller, responder);
      },
      unread: multiplexer.unread,
      tools,
    }),
    isAlive: multiplexer.isAlive,
    close: multiplexer.close,
  };
}

function onResponse(message: Message, { request, responder }: RequestWaiter): void {
  responder.respond(splice(message.bytes, readdress(message, request)), errorCode(message));
}

function onProgress(notification: Uint8Array, { responder }: RequestWaiter): void {
  responder.notify(notification);
}

function onLost(how: string, { request, responder }: RequestWaiter): void {
  responder.respond(composeError(request.id, ErrorCode.internal, lostReason(how)), ErrorCode.internal);
}

function notifySubscriber(message: Message, call: PendingCall<RequestWaiter> | undefined): void {
  const at = findMember(message, message.paramsAt, "_meta", META.subscription);
  if (call === undefined || at === undefined) return;
  call.waiter.responder.notify(splice(message.bytes, [{ at, text: call.waiter.request.id }]));
}

/** On this pipe a log line does not say which call it belongs to; it is sent on only when one call alone wants lines. */
function logLine(message: Message, { calls }: Pick<Multiplexer<RequestWaiter>, "calls">): void {
  const wanting = [...calls.all()].filter(({ waiter }) => waiter.envelope.logLevel !== undefined);
  const [only] = wanting;
  if (only === undefined || wanting.length > 1 || !isLogged(message, only.waiter.envelope.logLevel)) return;
  only.waiter.responder.notify(message.bytes, true);
}

/** The places in an answer that name the request: its id, and the subscription it ends. */
function readdress(answer: Message, request: Message): Edit[] {
  const edits: Edit[] = [{ at: answer.idAt!, text: request.id }];
  if (request.method === "subscriptions/listen" && mentions(answer.bytes, META.subscription)) {
    const at = findMember(answer, answer.resultAt, "_meta", META.subscription);
    if (at !== undefined) edits.push({ at, text: request.id });
  }
  if (request.method === "server/discover") {
    const at = findMember(answer, answer.resultAt, "supportedVersions");
    const versions = parseSpan(answer, at);
    // The bridge serves older ones too, but not in this way.
    if (at !== undefined && Array.isArray(versions) && versions.length > 1) {
      edits.push({ at, text: JSON.stringify(versions.filter(isServedStateless)) });
    }
  }
  return edits;
}

// Clients without sessions on a server without: only ids, progress tokens and subscription ids are
// changed, for the clients share one pipe.
import { composeError } from "../../frame/compose.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { findMember, rawParam, spanText, type Message } from "../../frame/message.ts";
import { mentions, splice, type Edit } from "../../frame/splice.ts";
import type { Responder } from "../bridge.ts";
import type { PendingCall, Waiter } from "../process/call-table.ts";
import { parseSpan, type Envelope } from "../envelope.ts";
import { META } from "../../mcp/meta.ts";
import { isServedStateless } from "../../mcp/revisions.ts";
import { createMultiplexer } from "../process/multiplexer.ts";
import { composeDiscover } from "../process/own-requests.ts";
import { composeListenResult } from "../../mcp/subscriptions.ts";
import { isLogged } from "../log-level.ts";
import type { StatelessAdapter, StatelessAdapterOptions } from "../adapter.ts";
import { refuseRemoved } from "../modern-client-legacy-server/modern-client-legacy-server.ts";
import { lostReason } from "../process/call-table.ts";
import { createHandshakeReplay } from "../process/handshake-replay.ts";
import { composeListTools, createToolCatalog } from "../tool-catalog.ts";
import { printable } from "../../printable.ts";

interface RequestWaiter extends Waiter {
  readonly request: Message;
  readonly envelope: Envelope;
  readonly responder: Responder;
}

export function createModernOnModern(options: StatelessAdapterOptions): StatelessAdapter {
  const { envelope, used, log } = options;
  const openMultiplexer = options.shared?.openMultiplexer ?? createMultiplexer;
  const host = openMultiplexer<RequestWaiter>({
    ...options,
    handshake: createHandshakeReplay(),
    aliveRequest: composeDiscover,
    // A server of this revision asks in its answers, never like this.
    onRequest: ({ id }) =>
      void host.send(composeError(id, ErrorCode.methodNotFound, "The client takes no requests.")),
    onNotification,
    onLost: () => {},
    isAwaited: () => false,
    onRefused: options.gone,
  });
  const tools = createToolCatalog(
    (cursor) => host.request((number) => composeListTools(number, cursor, envelope)),
    options.now,
  );

  function onNotification(message: Message): void {
    if (message.method === "notifications/tools/list_changed") tools.forget();
    const subscription = rawParam(message, "_meta", META.subscription);
    if (subscription !== undefined) return tellListener(message, find(subscription));
    switch (message.method) {
      case "notifications/message":
        return logLine(message);
      case "notifications/cancelled": {
        const call = find(rawParam(message, "requestId"));
        if (call === undefined) return;
        host.forget(call);
        return call.waiter.responder.respond(composeListenResult(call.waiter.request.id));
      }
      default:
        log.debug(`The server sent ${printable(message.method)}, which names no request; dropped.`);
    }
  }

  function find(number: string | undefined): PendingCall<RequestWaiter> | undefined {
    return [...host.calls.all()].find((call) => String(call.number) === number);
  }

  function tellListener(message: Message, call: PendingCall<RequestWaiter> | undefined): void {
    const at = findMember(message, message.paramsAt, "_meta", META.subscription);
    if (call === undefined || at === undefined) return;
    call.waiter.responder.notify(splice(message.bytes, [{ at, text: call.waiter.request.id }]));
  }

  /** On this pipe a log line does not say whose it is; it is told only when there is no doubt. */
  function logLine(message: Message): void {
    const wanting = [...host.calls.all()].filter(({ waiter }) => waiter.envelope.logLevel !== undefined);
    const [only] = wanting;
    if (only === undefined || wanting.length > 1 || !isLogged(message, only.waiter.envelope.logLevel)) return;
    only.waiter.responder.notify(message.bytes, true);
  }

  function start(request: Message, caller: Envelope, responder: Responder): () => void {
    const call = host.start(request, {
      request,
      envelope: caller,
      responder,
      isListening: request.method === "subscriptions/listen",
      onResponse: (answer) =>
        responder.respond(splice(answer.bytes, readdress(answer, request)), errorCode(answer)),
      onProgress: responder.notify,
      onLost(how) {
        responder.respond(composeError(request.id, ErrorCode.internal, lostReason(how)), ErrorCode.internal);
      },
    });
    return () => {
      if (find(String(call.number)) !== undefined) host.cancel(call);
    };
  }

  return {
    get pending() {
      return host.calls.size;
    },
    serve: () => ({
      call(request, caller, responder) {
        used();
        return refuseRemoved(request, responder) ? () => {} : start(request, caller, responder);
      },
      unread: host.unread,
      tools,
    }),
    isAlive: host.isAlive,
    close: host.close,
  };
}

/** What in an answer names the request: its id, and the subscription it ends. */
function readdress(answer: Message, request: Message): Edit[] {
  const edits: Edit[] = [{ at: answer.idAt!, text: request.id }];
  if (request.method === "subscriptions/listen" && mentions(answer.bytes, META.subscription)) {
    const at = findMember(answer, answer.resultAt, "_meta", META.subscription);
    if (at !== undefined) edits.push({ at, text: request.id });
  }
  if (request.method === "server/discover") {
    const at = findMember(answer, answer.resultAt, "supportedVersions");
    const versions = parseSpan(answer, at);
    // What is older the bridge serves too, but not in this way.
    if (at !== undefined && Array.isArray(versions) && versions.length > 1) {
      edits.push({ at, text: JSON.stringify(versions.filter(isServedStateless)) });
    }
  }
  return edits;
}

function errorCode(answer: Message): number | undefined {
  return answer.kind === "error"
    ? Number(spanText(answer.bytes, findMember(answer, answer.errorAt, "code")))
    : undefined;
}

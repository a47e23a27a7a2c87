// Clients without sessions on a server without: only ids, progress tokens and subscription ids are
// changed, for the clients share one pipe.
import { composeError, composeRequest } from "../../frame/compose.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { errorCode, findMember, rawParam, type Message } from "../../frame/message.ts";
import { mentions, splice, type Edit } from "../../frame/splice.ts";
import type { Responder } from "../bridge.ts";
import type { Call, Waiter } from "../process/call-table.ts";
import { parseSpan, writeEnvelope, type Envelope } from "../envelope.ts";
import { META } from "../../mcp/meta.ts";
import { isServedStateless } from "../../mcp/revisions.ts";
import { createMultiplexer } from "../process/multiplexer.ts";
import { composeDiscover } from "../process/own-requests.ts";
import { composeListenResult } from "../../mcp/subscriptions.ts";
import { isLogged } from "../log-level.ts";
import {
  refuseRemoved,
  type StatelessCellOptions,
  type StatelessHost,
} from "../modern-client-legacy-server/modern-client-legacy-server.ts";
import { lostReason } from "../process/call-table.ts";
import { createHandshakeReplay } from "../process/handshake-replay.ts";
import { createToolHeaders } from "../tool-catalog.ts";
import { printable } from "../../printable.ts";

interface RequestWaiter extends Waiter {
  readonly request: Message;
  readonly envelope: Envelope;
  readonly responder: Responder;
}

export function createModernOnModern(options: StatelessCellOptions): StatelessHost {
  const { envelope, used, log, openHost = createMultiplexer } = options;
  const host = openHost<RequestWaiter>({
    ...options,
    standing: createHandshakeReplay(),
    sign: composeDiscover,
    // A server of this revision asks in its answers, never like this.
    question: ({ id }) =>
      void host.send(composeError(id, ErrorCode.methodNotFound, "The client takes no requests.")),
    notification,
    lost: () => {},
    isAwaited: () => false,
    gaveUp: options.gone,
  });
  const headers = createToolHeaders((cursor) => host.ask((number) => listTools(number, cursor)));

  function listTools(number: number, cursor: string | undefined): Uint8Array {
    const meta = JSON.parse(`{${writeEnvelope({ ...envelope, logLevel: undefined })}}`) as unknown;
    return composeRequest(number, "tools/list", { _meta: meta, ...(cursor !== undefined && { cursor }) });
  }

  function notification(message: Message): void {
    if (message.method === "notifications/tools/list_changed") headers.forget();
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

  function find(number: string | undefined): Call<RequestWaiter> | undefined {
    return [...host.calls.all()].find((call) => String(call.number) === number);
  }

  function tellListener(message: Message, call: Call<RequestWaiter> | undefined): void {
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
      answer: (answer) =>
        responder.respond(splice(answer.bytes, readdress(answer, request)), errorCode(answer)),
      progress: responder.notify,
      lost(how) {
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
      paramHeadersOf: headers.of,
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

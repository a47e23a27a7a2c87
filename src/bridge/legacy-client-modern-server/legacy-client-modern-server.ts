// A client with sessions on a server without: the bridge answers the handshake, keeps what a session
// keeps (log level, subscriptions), and puts the client's envelope around every request.
import { composeError, composeResult } from "../../frame/compose.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { errorCode, findMember, hasPositions, rawParam, stringParam } from "../../frame/message.ts";
import type { Message } from "../../frame/message.ts";
import { splice } from "../../frame/splice.ts";
import type { BridgeOptions, ClientSide, Conversation, Responder } from "../bridge.ts";
import { addMeta, parseSpan, writeEnvelope, type Capabilities } from "../envelope.ts";
import { modernCapabilities } from "./modern-capabilities.ts";
import { META } from "../../mcp/meta.ts";
import { isSessionRevision, LEGACY } from "../../mcp/revisions.ts";
import { createMultiplexer } from "../process/multiplexer.ts";
import { composeDiscover } from "../process/own-requests.ts";
import { createInterviewer, type Interviewer } from "./input-requests.ts";
import { createLegacyTools, isInputRequired } from "./legacy-result.ts";
import type { CellOptions, SessionHost } from "../legacy-client-legacy-server/legacy-client-legacy-server.ts";
import { createListening, type Listening } from "./listen-stream.ts";
import { isLogged } from "../log-level.ts";
import { isLogLevel } from "../../mcp/log-level.ts";
import {
  createConversation,
  createSession,
  startCall,
  type Done,
  type Session,
  type SessionWaiter,
} from "../session.ts";
import { createHandshakeReplay } from "../process/handshake-replay.ts";
import { isSubscribedAtAll } from "../legacy-client-legacy-server/shared-preferences.ts";
import { printable } from "../../printable.ts";

export type SessionCellOptions = CellOptions & Pick<BridgeOptions, "random">;

/** A session and what the server would keep for it if it kept anything. */
interface Guest extends Session {
  /** JSON text. */
  clientInfo: string | undefined;
  capabilities: Capabilities;
  readonly listening: Listening;
  readonly interviewer: Interviewer;
}
type Json = Readonly<Record<string, unknown>>;

/** How often a server may ask in the course of one call. */
const MAX_ROUNDS = 10;
/** Between rounds in which nobody was asked, in milliseconds. */
const PACE = 250;

export function createLegacyOnModern(options: SessionCellOptions): SessionHost {
  const { log, random, openHost = createMultiplexer } = options;
  const guests = new Set<Guest>();
  const tools = createLegacyTools();
  const conversations = new Set<Conversation>();
  const host = openHost<SessionWaiter>({
    ...options,
    standing: createHandshakeReplay(),
    sign: composeDiscover,
    question: ({ id }) =>
      void host.send(composeError(id, ErrorCode.methodNotFound, "The client takes no requests.")),
    notification,
    lost: () => guests.forEach(({ listening }) => listening.lost()),
    isAwaited: () => isSubscribedAtAll(guests),
    replaced: () => guests.forEach(({ listening }) => listening.again()),
    gaveUp: options.gone,
  });

  function notification(message: Message): void {
    const subscription = rawParam(message, "_meta", META.subscription);
    if (subscription !== undefined) return tellGuest(message, subscription);
    if (message.method === "notifications/message") return logLine(message);
    log.debug(`The server sent ${printable(message.method)}, which names no request; dropped.`);
  }

  function tellGuest(message: Message, subscription: string): void {
    for (const { client, listening } of guests) {
      const heard = listening.hear(message, subscription);
      if (heard !== undefined) client.sendUnrelated(heard);
    }
  }

  /** On this pipe a log line does not say whose it is; it is told only when there is no doubt. */
  function logLine(message: Message): void {
    const wanting = [...host.calls.all()].filter(({ waiter }) => waiter.session.logLevel !== undefined);
    const last = wanting.at(-1)?.waiter;
    if (last === undefined || wanting.some(({ waiter }) => waiter.session !== last.session)) return;
    if (isLogged(message, last.session.logLevel)) last.responder.notify(message.bytes, true);
  }

  // ── what the clients say ──

  function call(guest: Guest, request: Message, done: Done, responder: Responder): void {
    switch (request.method) {
      case "initialize":
        return void greet(guest, request, done);
      case "ping":
        return done(composeResult(request.id, {}));
      case "logging/setLevel":
        return setLevel(guest, request, done);
      case "resources/subscribe":
      case "resources/unsubscribe":
        return void subscribe(guest, request, done);
      default:
        return hasPositions(request) ? refusePositions(request, done) : pass(guest, request, done, responder);
    }
  }

  async function greet(guest: Guest, request: Message, done: Done): Promise<void> {
    guest.clientInfo = rawParam(request, "clientInfo");
    guest.capabilities = modernCapabilities(
      parseSpan(request, findMember(request, request.paramsAt, "capabilities")),
    );
    const answer = await host.ask((number) =>
      Buffer.from(
        `{"jsonrpc":"2.0","id":${number},"method":"server/discover","params":{"_meta":{${writeEnvelope(guest)}}}}`,
      ),
    );
    if (answer?.resultAt === undefined) {
      const reason = "The MCP server did not say what it can do.";
      return done(composeError(request.id, ErrorCode.internal, reason), ErrorCode.internal);
    }
    const found = parseSpan(answer, answer.resultAt) as Json;
    const { extensions: _, tasks: __, ...capabilities } = (found["capabilities"] ?? {}) as Json;
    const asked = stringParam(request, "protocolVersion") ?? "";
    const meta = (found["_meta"] ?? {}) as Json;
    const result = {
      protocolVersion: isSessionRevision(asked) ? asked : LEGACY,
      capabilities,
      serverInfo: meta[META.serverInfo] ?? { name: "unnamed", version: "0" },
      ...(found["instructions"] !== undefined && { instructions: found["instructions"] }),
    };
    done(composeResult(request.id, result));
  }

  function setLevel(guest: Guest, request: Message, done: Done): void {
    const level = stringParam(request, "level");
    if (!isLogLevel(level)) {
      return done(
        composeError(request.id, ErrorCode.invalidParams, "There is no such log level."),
        ErrorCode.invalidParams,
      );
    }
    guest.logLevel = level;
    done(composeResult(request.id, {}));
  }

  function pass(
    guest: Guest,
    request: Message,
    done: Done,
    responder: Responder,
    retry = "",
    round = 0,
  ): void {
    const answered = (answer: Message) => {
      if (isInputRequired(answer)) return void interview(guest, request, done, responder, answer, round + 1);
      const edits = [{ at: answer.idAt!, text: request.id }, ...tools.edit(answer, request)];
      done(splice(answer.bytes, edits), errorCode(answer));
    };
    startCall(
      host,
      guest,
      request,
      responder,
      { answer: answered },
      addMeta(request, writeEnvelope(guest), retry),
    );
  }

  /** The server wants to know something first: asks the client, and sends the call once more with the answers. */
  async function interview(
    guest: Guest,
    request: Message,
    done: Done,
    responder: Responder,
    answer: Message,
    round: number,
  ) {
    const fail = (error: string) =>
      done(Buffer.from(`{"jsonrpc":"2.0","id":${request.id},"error":${error}}`), ErrorCode.internal);
    if (round > MAX_ROUNDS)
      return fail(
        `{"code":${ErrorCode.internal},"message":"The MCP server asked ${MAX_ROUNDS} times over."}`,
      );
    const found = await guest.interviewer.ask(answer, responder);
    if ("error" in found) return fail(found.error);
    if (found.responses === "{}") await Bun.sleep(PACE);
    if (guest.isClosed || !guest.open.has(request.id)) return;
    const state = found.state === undefined ? "" : `,"requestState":${found.state}`;
    pass(guest, request, done, responder, `"inputResponses":${found.responses}${state}`, round);
  }

  async function subscribe(guest: Guest, request: Message, done: Done): Promise<void> {
    const uri = stringParam(request, "uri") ?? "";
    if (request.method === "resources/subscribe") guest.resources.add(uri);
    else guest.resources.delete(uri);
    await guest.listening.open();
    done(composeResult(request.id, {}));
  }

  function tell(guest: Guest, message: Message): void {
    if (message.kind !== "notification") {
      if (!guest.interviewer.take(message))
        log.debug(`The client answered ${printable(message.id)}, which it was not asked; dropped.`);
    } else if (message.method === "notifications/initialized") {
      void guest.listening.open();
    }
    // Other notifications have no meaning to a server without sessions.
  }

  return {
    get pending() {
      return host.calls.size;
    },
    open(client: ClientSide) {
      const guest: Guest = {
        ...createSession(client),
        clientInfo: undefined,
        capabilities: {},
        listening: createListening(host, () => guest),
        interviewer: createInterviewer(random),
      };
      guests.add(guest);
      const rules = {
        call: (request: Message, done: Done, responder: Responder) => call(guest, request, done, responder),
        tell: (message: Message) => tell(guest, message),
        ended() {
          guests.delete(guest);
          conversations.delete(conversation);
          guest.interviewer.close();
          guest.listening.close();
        },
      };
      const conversation = createConversation(guest, host, rules, options.used);
      conversations.add(conversation);
      return conversation;
    },
    isAlive: host.isAlive,
    async close() {
      for (const conversation of conversations) conversation.close();
      await host.close();
    },
  };
}

/** They have no place for the envelope that this server needs. */
function refusePositions({ id }: Message, done: Done): void {
  const reason = "Invalid params: the MCP server takes params by name, not by position.";
  done(composeError(id, ErrorCode.invalidParams, reason), ErrorCode.invalidParams);
}

// Parks the calls of clients without sessions while their server, which has sessions, asks something,
// and takes them up again when the client comes back with the answers.
// https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
import { composeError } from "../../frame/compose.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import { stringParam, type Message } from "../../frame/message.ts";
import type { BridgeOptions } from "../bridge.ts";
import { findToken, lostReason } from "../process/call-table.ts";
import { stripEnvelope, type ClientCapabilities } from "../envelope.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import { writeModernAnswer } from "./modern-result.ts";
import type { RequestStates } from "../request-state.ts";
import {
  composeRound,
  createTrip,
  digestOf,
  responseTo,
  type Outcome,
  type Round,
  type Trip,
  type TripWaiter,
} from "./parked-call.ts";
import { createTripQuestions } from "./pending-input.ts";
import { composeNotOpened, composeUrlRound, isAccepted, readUrls } from "./url-elicitation.ts";
import { printable } from "../../printable.ts";

export interface RoundTrips {
  /** Calls that a client waits for, or has been asked about. */
  readonly pending: number;
  /** @returns ends the request because the client has gone */
  begin(callerKey: string, round: Round): () => void;
  /** A question of the server's. */
  ask(question: Message): void;
  /** The server takes a question back. */
  withdraw(id: string): void;
  /** The process is gone, and with it its questions. */
  forgetQuestions(): void;
}

export interface RoundTripsOptions extends Pick<BridgeOptions, "now" | "random" | "log"> {
  host: Multiplexer<TripWaiter>;
  requestStates: RequestStates;
  /** What the server was told that its client can do. */
  capabilities: ClientCapabilities;
  /** JSON text of what the server calls itself. */
  serverInfo(): string;
}

/** How long a client may take to come back, in milliseconds. */
const PARK = 10 * 60_000;
/**
 * A server that asked when no call was running acts on the answer by itself, and does not say when it has.
 * It gets this long, in milliseconds, before the call that carried the question: its roots are an example.
 */
const DIGEST = 100;
/** In a ticket for a call that does not wait, but is to be made again. */
const NO_TRIP = "";

export function createRoundTrips(options: RoundTripsOptions): RoundTrips {
  const { host, requestStates, capabilities, log, now, random, serverInfo } = options;
  /** Trips whose client waits for an answer. */
  const running = new Set<Trip>();
  /** Trips whose client is being asked, by id. */
  const parked = new Map<string, Trip>();
  const questions = createTripQuestions({ host, capabilities, log, running, parked, askClient });

  // ── from call to answer ──

  function begin(callerKey: string, round: Round): () => void {
    const state = stringParam(round.request, "requestState");
    if (state !== undefined) return resume(callerKey, round, state);
    return setOut(callerKey, round);
  }

  function setOut(callerKey: string, round: Round): () => void {
    const trip = createTrip(Buffer.from(random(16)).toString("hex"), callerKey, round);
    running.add(trip);
    if (questions.load(trip, round)) askClient(trip);
    else start(trip, round);
    return () => abandon(trip, round);
  }

  function start(trip: Trip, { request }: Round): void {
    trip.timer = undefined;
    const waiter: TripWaiter = {
      trip,
      onResponse: (answer) => finish(trip, { answer }),
      onProgress: (notification) => trip.current?.responder.notify(notification),
      onLost: (how) => finish(trip, { how }),
    };
    trip.call = host.start(request, waiter, stripEnvelope(request));
  }

  function finish(trip: Trip, outcome: Outcome): void {
    clearTimeout(trip.timer);
    if (trip.current === undefined) {
      // The client is away with a question; it gets this when it comes back.
      trip.outcome = outcome;
      trip.timer = setTimeout(expire, PARK, trip);
      return;
    }
    running.delete(trip);
    if ("how" in outcome) return fail(trip.current, ErrorCode.internal, lostReason(outcome.how));
    questions.hold(trip);
    deliver(trip, trip.current, outcome.answer);
  }

  function deliver(trip: Trip, round: Round, answer: Message): void {
    const { request, responder } = round;
    const { bytes, code } = writeModernAnswer(answer, request.method, request.id, serverInfo());
    if (code === ErrorCode.urlElicitationRequired) return sendToUrls(trip, round, answer);
    if (code === ErrorCode.methodNotFound && trip.refused !== undefined) {
      // It failed for want of what the client cannot give, and this is how clients are told.
      return fail(
        round,
        ErrorCode.missingCapability,
        "This needs a capability that the client has not declared.",
        {
          requiredCapabilities: trip.refused,
        },
      );
    }
    responder.respond(bytes, code);
  }

  function fail({ request, responder }: Round, code: number, reason: string, data?: unknown): void {
    responder.respond(composeError(request.id, code, reason, data), code);
  }

  function abandon(trip: Trip, round: Round): void {
    if (trip.current !== round || !running.delete(trip)) return;
    clearTimeout(trip.timer);
    questions.refuse(trip);
    if (trip.call !== undefined) host.cancel(trip.call);
  }

  // ── asking the client ──

  /** Ends the client's request with what the server wants to know. */
  function askClient(trip: Trip): void {
    const { current, asks } = trip;
    clearTimeout(trip.timer);
    trip.timer = undefined;
    if (current === undefined || asks.size === 0) return;
    running.delete(trip);
    parked.set(trip.id, trip);
    trip.round++;
    trip.current = undefined;
    trip.timer = setTimeout(expire, PARK, trip);
    const methods = printable([...asks.values()].map(({ method }) => method).join(", "));
    log.info(
      `The server asks the client: ${methods}. Most servers give up when no answer has come after 60 s.`,
    );
    current.responder.respond(composeRound(trip, current.request.id, writeTicket(trip, trip.id, current)));
  }

  /** @param asked what is asked for; the retry has to ask for the same */
  function writeTicket({ callerKey, round }: Trip, id: string, asked: Round): string {
    return requestStates.sign({
      parkedCall: id,
      callerKey,
      request: digestOf(asked),
      round,
      expires: now() + PARK,
    });
  }

  function sendToUrls(trip: Trip, round: Round, error: Message): void {
    const urls = readUrls(error);
    if (urls === undefined)
      return fail(round, ErrorCode.internal, "The server wants a page opened, but does not say which.");
    const { request, envelope, responder } = round;
    if ((envelope.capabilities["elicitation"] as { url?: unknown } | undefined)?.url === undefined) {
      return fail(
        round,
        ErrorCode.missingCapability,
        "This needs a page opened by the person at the client.",
        {
          requiredCapabilities: { elicitation: { url: {} } },
        },
      );
    }
    responder.respond(composeUrlRound(request.id, urls, writeTicket(trip, NO_TRIP, round)));
  }

  // ── the client comes back ──

  function resume(callerKey: string, round: Round, state: string): () => void {
    const ticket = requestStates.verify(state);
    const isValid =
      ticket !== undefined &&
      ticket.expires > now() &&
      ticket.callerKey === callerKey &&
      ticket.request === digestOf(round);
    const trip = isValid ? parked.get(ticket.parkedCall) : undefined;
    if (isValid && ticket.parkedCall === NO_TRIP) return resumeAfterUrls(callerKey, round);
    if (trip === undefined || trip.round !== ticket?.round) {
      fail(
        round,
        ErrorCode.invalidParams,
        "requestState does not belong to this request, or no longer. Send it anew.",
      );
      return () => {};
    }
    parked.delete(trip.id);
    clearTimeout(trip.timer);
    trip.timer = undefined;
    trip.current = round;
    running.add(trip);
    if (trip.call !== undefined) trip.call.progressToken = findToken(round.request)?.text;
    answerQuestions(trip, round.request);
    if (trip.outcome !== undefined) finish(trip, trip.outcome);
    else if (trip.asks.size > 0) askClient(trip);
    else if (trip.call === undefined) trip.timer = setTimeout(start, DIGEST, trip, round);
    return () => abandon(trip, round);
  }

  function answerQuestions({ asks }: Trip, retry: Message): void {
    for (const [key, { id }] of asks) {
      const response = responseTo(retry, key);
      if (response === undefined) continue;
      asks.delete(key);
      host.send(Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":${response}}`));
    }
  }

  function resumeAfterUrls(callerKey: string, round: Round): () => void {
    if (isAccepted(round.request)) return setOut(callerKey, round);
    // Only a tool has a way to say that it did not work.
    if (round.request.method === "tools/call") round.responder.respond(composeNotOpened(round.request.id));
    else fail(round, ErrorCode.internal, "The page that this needs was not opened.");
    return () => {};
  }

  function expire(trip: Trip): void {
    parked.delete(trip.id);
    questions.refuse(trip);
    if (trip.call !== undefined && trip.outcome === undefined) host.cancel(trip.call);
  }

  return {
    get pending() {
      return running.size + parked.size;
    },
    begin,
    ask: questions.ask,
    withdraw: questions.withdraw,
    forgetQuestions: questions.forget,
  };
}

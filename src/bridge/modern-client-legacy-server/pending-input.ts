// The questions of a server with sessions to clients without: which call carries which, and what
// becomes of those that nobody will answer.
import { composeError, composeResult } from "../../frame/compose.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { Message } from "../../frame/message.ts";
import type { Log } from "../../log.ts";
import type { ClientCapabilities } from "../envelope.ts";
import type { Multiplexer } from "../process/multiplexer.ts";
import {
  addQuestion,
  canBeAsked,
  composeUnable,
  lackingFor,
  type Round,
  type Trip,
  type TripWaiter,
} from "./parked-call.ts";
import { printable } from "../../printable.ts";

export interface TripQuestions {
  /** Takes in a question of the server's; it goes to the client with the others that are asked at once. */
  ask(question: Message): void;
  /** Lets a new trip carry what waits to be asked; false when nothing waits, or it cannot carry it. */
  load(trip: Trip, round: Round): boolean;
  /** The trip is over before its client could be asked; the next one carries its questions. */
  hold(trip: Trip): void;
  /** Answers a trip's questions as a client would that does not want to. */
  refuse(trip: Trip): void;
  /** The server takes a question back. */
  withdraw(id: string): void;
  /** The process is gone, and nobody waits for answers. */
  forget(): void;
}

export interface TripQuestionsOptions {
  host: Pick<Multiplexer<TripWaiter>, "send">;
  /** What the server was told that its client can do. */
  capabilities: ClientCapabilities;
  log: Log;
  /** Trips whose client waits for an answer. */
  running: ReadonlySet<Trip>;
  /** Trips whose client is being asked. */
  parked: ReadonlyMap<string, Trip>;
  askClient(trip: Trip): void;
}

/** Questions asked at once arrive within this time, in milliseconds, and go out together. */
const GATHER = 5;

export function createTripQuestions(options: TripQuestionsOptions): TripQuestions {
  const { host, capabilities, log, running, parked, askClient } = options;
  /** Questions that came when no call could carry them. */
  let held: Message[] = [];

  /** The wire does not say which call asks; the one that came last is the best guess there is. */
  function chooseTrip(): Trip | undefined {
    return [...running].findLast(({ current, call }) => current && call && canBeAsked(current.request));
  }

  /** Refuses a question in the stead of a client that cannot be asked it. */
  function isRefused(question: Message, trip: Trip | undefined, known: ClientCapabilities): boolean {
    const lacking = lackingFor(question, known);
    if (lacking === undefined) return false;
    if (trip !== undefined) trip.refused = lacking;
    host.send(composeUnable(question.id));
    return true;
  }

  return {
    ask(question) {
      const trip = chooseTrip();
      if (isRefused(question, trip, trip?.current?.envelope.capabilities ?? capabilities)) return;
      if (trip === undefined) {
        held.push(question);
        log.debug(
          `The server asks (${printable(question.method)}) while no call is running; the next call carries it.`,
        );
        return;
      }
      addQuestion(trip, question);
      trip.timer ??= setTimeout(askClient, GATHER, trip);
    },
    load(trip, { request, envelope }) {
      if (held.length === 0 || !canBeAsked(request)) return false;
      for (const question of held.splice(0))
        if (!isRefused(question, trip, envelope.capabilities)) addQuestion(trip, question);
      return trip.asks.size > 0;
    },
    hold({ asks }) {
      held.push(...asks.values());
      asks.clear();
    },
    refuse({ asks }) {
      for (const { id, method } of asks.values()) {
        if (method === "elicitation/create") host.send(composeResult(id, { action: "cancel" }));
        else host.send(composeError(id, ErrorCode.internal, "The client did not answer."));
      }
      asks.clear();
    },
    withdraw(id) {
      held = held.filter((question) => question.id !== id);
      for (const { asks } of [...running, ...parked.values()]) {
        for (const [key, question] of asks) if (question.id === id) asks.delete(key);
      }
    },
    forget() {
      held = [];
      for (const { asks } of parked.values()) asks.clear();
    },
  };
}

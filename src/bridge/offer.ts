// Whether a server without sessions also serves clients with, as many do: no list of revisions says so, only
// a handshake does. The first client that has one to make tries it out, and the process it succeeds on is its own.
import type { Child, ChildEvents } from "../child/child.ts";
import { splice } from "../frame/splice.ts";
import { findMember, spanText, type Message } from "../frame/message.ts";
import { ErrorCode } from "../frame/compose.ts";
import type { ChildEra } from "./bridge.ts";
import type { Candidate, Reply } from "./candidate.ts";

export interface Offer {
  hasSessions: boolean;
  /** The process that has answered this client's `initialize`, the first time; its owner sends that as to any other. */
  take(events: ChildEvents): Child | undefined;
  /** It is not taken any more. */
  release(): void;
}

/** For servers that are known to have sessions. */
export const NO_DOUBT: Offer = { hasSessions: true, take: () => undefined, release() {} };
const NONE: Offer = { ...NO_DOUBT, hasSessions: false };

/** Where processes come from, and where they go. */
export interface Custody {
  start(): Candidate;
  /** The process that waits for a client, if one does. */
  borrow(): Candidate | undefined;
  /** It is as good as before for a client without a session. */
  giveBack(candidate: Candidate): void;
  handedOver(candidate: Candidate): void;
  discard(candidate: Candidate): void;
}

/** How long a process that has answered before may take to answer a handshake, in milliseconds. */
const WARM_PATIENCE = 5_000;
/** How long a new one may take before the server is taken to know no handshake, in milliseconds. */
const COLD_PATIENCE = 60_000;

interface Greeted {
  candidate: Candidate;
  welcome: Message;
}

export function createOffers(era: ChildEra, custody: Custody): (initialize: Message) => Promise<Offer> {
  let known = era === "auto" ? undefined : Promise.resolve(era === "legacy");

  async function greet(initialize: Message): Promise<Greeted | undefined> {
    const ask = (candidate: Candidate, ms: number) =>
      candidate.ask(
        (number) => splice(initialize.bytes, [{ at: initialize.idAt!, text: String(number) }]),
        ms,
      );
    const borrowed = custody.borrow();
    if (borrowed !== undefined) {
      const reply = await ask(borrowed, WARM_PATIENCE);
      const welcome = readWelcome(reply);
      if (welcome !== undefined) return { candidate: borrowed, welcome };
      if (reply.outcome !== "exited") custody.giveBack(borrowed);
      if (isUnheardOf(reply)) return undefined;
      // It may have settled for its first client's revision, as Python's mcp does.
    }
    const started = custody.start();
    const welcome = readWelcome(await ask(started, COLD_PATIENCE));
    if (welcome !== undefined) return { candidate: started, welcome };
    custody.discard(started);
    return undefined;
  }

  return async (initialize) => {
    if (known !== undefined) return (await known) ? NO_DOUBT : NONE;
    const greeting = greet(initialize);
    known = greeting.then((greeted) => greeted !== undefined);
    let greeted = await greeting;
    if (greeted === undefined) return NONE;
    return {
      hasSessions: true,
      take(events) {
        const mine = greeted;
        greeted = undefined;
        if (mine === undefined) return undefined;
        custody.handedOver(mine.candidate);
        return mine.candidate.handOver(events, mine.welcome);
      },
      release() {
        if (greeted !== undefined) custody.discard(greeted.candidate);
        greeted = undefined;
      },
    };
  };
}

function readWelcome(reply: Reply): Message | undefined {
  return reply.outcome === "answered" && reply.answer.kind === "result" ? reply.answer : undefined;
}

/** Whether the server knows no handshake at all, in whatever it has settled for. */
function isUnheardOf(reply: Reply): boolean {
  if (reply.outcome !== "answered") return reply.outcome === "silent";
  const { answer } = reply;
  const code = spanText(answer.bytes, findMember(answer, answer.errorAt, "code"));
  return Number(code) === ErrorCode.methodNotFound;
}

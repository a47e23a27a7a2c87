// Whether a server without sessions also serves clients with, as many do: no list of revisions says so, only
// a handshake does. The first client that has one to make tries it out, and the process it succeeds on is its own.
import type { Child, ChildEvents } from "../../child/child.ts";
import { settlesWithin } from "../../deadline.ts";
import { splice } from "../../frame/splice.ts";
import { findMember, spanText, type Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { ServerEra } from "../bridge.ts";
import type { Candidate, Reply } from "./candidate.ts";
import { composeDiscover, composeInitialize } from "../process/own-requests.ts";
import type { Compose } from "../process/handshake-replay.ts";

export interface HandshakeTrial {
  hasSessions: boolean;
  /** The process that has answered this client's `initialize`, the first time; its owner sends that as to any other. */
  take(events: ChildEvents): Child | undefined;
  /** It is not taken any more. */
  release(): void;
}

/** For servers that are known to have sessions. */
export const HAS_SESSIONS: HandshakeTrial = { hasSessions: true, take: () => undefined, release() {} };
const HAS_NO_SESSIONS: HandshakeTrial = { ...HAS_SESSIONS, hasSessions: false };

/** Where processes come from, and where they go. */
export interface Custody {
  start(): Candidate;
  /** The process that waits for a client, if one does. */
  borrow(): Candidate | undefined;
  /** It is as good as before for a client without a session. */
  giveBack(candidate: Candidate): void;
  /** It belongs to a client from now on; false when it has ended, which has been told. */
  handOver(candidate: Candidate): boolean;
  /** Ends it. The next one is started when that is done: some servers hold a port, or a browser's profile. */
  discard(candidate: Candidate): Promise<void>;
}

/** How long a process that has answered before may take to answer a handshake, in milliseconds. */
const WARM_PATIENCE = 5_000;
/** How long a new one may take before the server is taken to know no handshake, in milliseconds. */
const COLD_PATIENCE = 60_000;

interface Greeted {
  candidate: Candidate;
  welcome: Message;
}

/** What a process makes of a client's handshake, and then, if that is not to its taste, of ours. */
type Verdict = { welcome: Message } | "takes ours" | "refuses" | "knows none" | "unclear";

export function createHandshakeTrials(
  era: ServerEra,
  custody: Custody,
): (initialize: Message) => Promise<HandshakeTrial> {
  let known = era === "auto" ? undefined : Promise.resolve(era === "legacy");

  /** @returns the process greeted, or whether there is one to be had; `undefined` when one ended, which says nothing */
  async function greet(initialize: Message): Promise<Greeted | boolean | undefined> {
    const borrowed = custody.borrow();
    if (borrowed !== undefined) {
      const trial = await tryOn(borrowed, initialize, WARM_PATIENCE);
      if (typeof trial === "object") return { candidate: borrowed, ...trial };
      if (trial === "knows none") {
        custody.giveBack(borrowed);
        return false;
      }
      await custody.discard(borrowed);
      if (trial === "unclear") return takesOurs();
      // Refused, it may only have settled for its first client's revision, as Python's mcp does.
      if (trial === "takes ours") return true;
    }
    const started = custody.start();
    const trial = await tryOn(started, initialize, COLD_PATIENCE);
    if (typeof trial === "object") return { candidate: started, ...trial };
    await custody.discard(started);
    return trial === "unclear" ? takesOurs() : trial === "takes ours";
  }

  async function takesOurs(): Promise<boolean | undefined> {
    const candidate = custody.start();
    const ours = candidate.request(composeInitialize, COLD_PATIENCE);
    // What it answers behind that shows that it has read it.
    const behind = candidate.request(composeDiscover, COLD_PATIENCE);
    await Promise.race([ours, behind.then(() => settlesWithin(ours, WARM_PATIENCE))]);
    const unanswered = Promise.resolve<Reply>({ outcome: "silent" });
    const reply = await Promise.race([ours, unanswered]);
    await custody.discard(candidate);
    return reply.outcome === "exited" ? undefined : readWelcome(reply) !== undefined;
  }

  return async (initialize) => {
    if (known !== undefined) return (await known) ? HAS_SESSIONS : HAS_NO_SESSIONS;
    const greeting = greet(initialize);
    known = greeting.then((outcome) => outcome !== undefined && outcome !== false);
    const outcome = await greeting;
    // This client is translated for; the next one tries again.
    if (outcome === undefined) known = undefined;
    if (outcome === undefined || typeof outcome === "boolean")
      return outcome ? HAS_SESSIONS : HAS_NO_SESSIONS;
    let greeted: Greeted | undefined = outcome;
    return {
      hasSessions: true,
      take(events) {
        const mine = greeted;
        greeted = undefined;
        if (mine === undefined || !custody.handOver(mine.candidate)) return undefined;
        return mine.candidate.handOver(events, mine.welcome);
      },
      release() {
        if (greeted !== undefined) void custody.discard(greeted.candidate);
        greeted = undefined;
      },
    };
  };
}

/** What a client says may be refused for reasons of its own, and must not decide for all others: only ours does. */
async function tryOn(candidate: Candidate, initialize: Message, ms: number): Promise<Verdict> {
  const compose: Compose = (number) =>
    splice(initialize.bytes, [{ at: initialize.idAt!, text: String(number) }]);
  const theirs = await candidate.request(compose, ms);
  const welcome = readWelcome(theirs);
  if (welcome !== undefined) return { welcome };
  const ours =
    theirs.outcome === "exited" ? theirs : await candidate.request(composeInitialize, WARM_PATIENCE);
  if (readWelcome(ours) !== undefined) return "takes ours";
  if (ours.outcome !== "answered") return "unclear";
  return codeOf(ours.answer) === ErrorCode.methodNotFound ? "knows none" : "refuses";
}

function readWelcome(reply: Reply): Message | undefined {
  return reply.outcome === "answered" && reply.answer.kind === "result" ? reply.answer : undefined;
}

function codeOf(answer: Message): number {
  return Number(spanText(answer.bytes, findMember(answer, answer.errorAt, "code")));
}

// Whether a server without sessions also serves clients with sessions, as many do: no list of revisions says so, only a
// handshake does. It is tried with the first client's own, and the process that accepts it goes to that client.
import type { Child, ChildEvents } from "../../child/child.ts";
import { settlesWithin } from "../../deadline.ts";
import { splice } from "../../frame/splice.ts";
import { findMember, spanText, type Message } from "../../frame/message.ts";
import { ErrorCode } from "../../mcp/error-code.ts";
import type { ChildEra } from "../bridge.ts";
import type { Candidate, Reply } from "./candidate.ts";
import type { Candidates } from "./candidates.ts";
import { composeDiscover, composeInitialize } from "../process/own-requests.ts";
import type { Compose } from "../process/handshake-replay.ts";

export interface HandshakeTrial {
  hasSessions: boolean;
  /** The process that has accepted this client's `initialize`, once; its owner sends that as it would to any other. */
  take(events: ChildEvents): Child | undefined;
  /** It is not going to be taken. */
  release(): void;
}

/** The outcome for servers that are known to have sessions. */
export const HAS_SESSIONS: HandshakeTrial = { hasSessions: true, take: () => undefined, release() {} };
const HAS_NO_SESSIONS: HandshakeTrial = { ...HAS_SESSIONS, hasSessions: false };

/** How long a process that has answered before may take to answer a handshake, in milliseconds. */
const WARM_PATIENCE = 5_000;
/** How long a new one may take before the server counts as one without a handshake, in milliseconds. */
const COLD_PATIENCE = 60_000;

/** A process that has accepted a handshake. */
interface Accepted {
  candidate: Candidate;
  welcome: Message;
}

/** How a process answers a client's handshake, and then ours if it does not accept that. */
type Verdict = { welcome: Message } | "accepts ours" | "refuses" | "has no handshake" | "unclear";

export function createHandshakeTrials(
  era: ChildEra,
  candidates: Pick<Candidates, "startDisposable" | "borrow" | "giveBack" | "handOver" | "discard">,
): (initialize: Message) => Promise<HandshakeTrial> {
  let known = era === "auto" ? undefined : Promise.resolve(era === "legacy");

  /** @returns the process that accepted, or whether another one would; `undefined` when one ended, which proves nothing */
  async function accept(initialize: Message): Promise<Accepted | boolean | undefined> {
    const borrowed = candidates.borrow();
    if (borrowed !== undefined) {
      const verdict = await tryHandshakes(borrowed, initialize, WARM_PATIENCE);
      if (typeof verdict === "object") return { candidate: borrowed, ...verdict };
      if (verdict === "has no handshake") {
        candidates.giveBack(borrowed);
        return false;
      }
      await candidates.discard(borrowed);
      if (verdict === "unclear") return acceptsOurs();
      // Refused, it may only have settled for its first client's revision, as Python's mcp does.
      if (verdict === "accepts ours") return true;
    }
    const started = candidates.startDisposable();
    const verdict = await tryHandshakes(started, initialize, COLD_PATIENCE);
    if (typeof verdict === "object") return { candidate: started, ...verdict };
    await candidates.discard(started);
    return verdict === "unclear" ? acceptsOurs() : verdict === "accepts ours";
  }

  async function acceptsOurs(): Promise<boolean | undefined> {
    const candidate = candidates.startDisposable();
    const ours = candidate.request(composeInitialize, COLD_PATIENCE);
    // The answer to a later request shows that it has read the first one.
    const later = candidate.request(composeDiscover, COLD_PATIENCE);
    await Promise.race([ours, later.then(() => settlesWithin(ours, WARM_PATIENCE))]);
    const unanswered = Promise.resolve<Reply>({ outcome: "silent" });
    const reply = await Promise.race([ours, unanswered]);
    await candidates.discard(candidate);
    return reply.outcome === "exited" ? undefined : readWelcome(reply) !== undefined;
  }

  return async (initialize) => {
    if (known !== undefined) return (await known) ? HAS_SESSIONS : HAS_NO_SESSIONS;
    const trial = accept(initialize);
    known = trial.then((outcome) => outcome !== undefined && outcome !== false);
    const outcome = await trial;
    // This client is served by translation; the next one tries again.
    if (outcome === undefined) known = undefined;
    if (outcome === undefined || typeof outcome === "boolean")
      return outcome ? HAS_SESSIONS : HAS_NO_SESSIONS;
    let accepted: Accepted | undefined = outcome;
    return {
      hasSessions: true,
      take(events) {
        const mine = accepted;
        accepted = undefined;
        if (mine === undefined || !candidates.handOver(mine.candidate)) return undefined;
        return mine.candidate.handOver(events, mine.welcome);
      },
      release() {
        if (accepted !== undefined) void candidates.discard(accepted.candidate);
        accepted = undefined;
      },
    };
  };
}

/** A client's handshake may be refused for its own reasons, which must not decide for all other clients: only ours does. */
async function tryHandshakes(candidate: Candidate, initialize: Message, ms: number): Promise<Verdict> {
  const compose: Compose = (number) =>
    splice(initialize.bytes, [{ at: initialize.idAt!, text: String(number) }]);
  const theirs = await candidate.request(compose, ms);
  const welcome = readWelcome(theirs);
  if (welcome !== undefined) return { welcome };
  const ours =
    theirs.outcome === "exited" ? theirs : await candidate.request(composeInitialize, WARM_PATIENCE);
  if (readWelcome(ours) !== undefined) return "accepts ours";
  if (ours.outcome !== "answered") return "unclear";
  return codeOf(ours.answer) === ErrorCode.methodNotFound ? "has no handshake" : "refuses";
}

function readWelcome(reply: Reply): Message | undefined {
  return reply.outcome === "answered" && reply.answer.kind === "result" ? reply.answer : undefined;
}

function codeOf(answer: Message): number {
  return Number(spanText(answer.bytes, findMember(answer, answer.errorAt, "code")));
}
